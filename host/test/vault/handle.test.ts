import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CURRENT_KEY_VERSION,
  devicePath,
  ENCRYPTION,
  ETHEREUM,
  encryptionPath,
  IDENTITY,
  type KeyType,
  SSH_HOST,
  Vault,
} from '../../src/vault/index.ts';
import { parsePhrase, seedOf } from '../../src/vault/mnemonic.ts';
import { code, hex, phrase, unlocked, vectorIv, version2Data } from './support.ts';

const blob = { key_version: 2, salt: 'AAAA', iv: vectorIv, data: version2Data };

/** Every call that needs the seed, with valid arguments. */
const calls: Record<string, (vault: Vault) => unknown> = {
  deriveEd25519: (vault) => vault.deriveEd25519(IDENTITY),
  deriveEncryptionKey: (vault) => vault.deriveEncryptionKey(ENCRYPTION),
  deriveEncryptionKeyForVersion: (vault) => vault.deriveEncryptionKeyForVersion(2),
  deriveEthereumKey: (vault) => vault.deriveEthereumKey(),
  derive: (vault) => vault.derive('Secp256k1', ETHEREUM),
  encrypt: (vault) => vault.encrypt('text'),
  decrypt: (vault) => vault.decrypt(blob),
  decryptBytes: (vault) => vault.decryptBytes(blob),
  rotate: (vault) => vault.rotate(blob, 3),
  mnemonic: (vault) => vault.mnemonic(),
};

test('VLT-01 a new handle is locked, and every derivation and cipher call says so', () => {
  const vault = new Vault();
  assert.equal(vault.isUnlocked, false);
  for (const [name, call] of Object.entries(calls)) {
    assert.throws(() => call(vault), code('VaultLocked'), name);
  }
  vault.unlock(phrase);
  for (const [name, call] of Object.entries(calls)) assert.doesNotThrow(() => call(vault), name);
});

test('VLT-02 unlockNew gives 24 words, and they unlock another handle to the same keys', () => {
  const first = new Vault();
  const words = first.unlockNew(24).reveal();
  assert.equal(words.split(' ').length, 24);
  assert.equal(first.isUnlocked, true);
  const second = unlocked(words);
  for (const path of [IDENTITY, SSH_HOST]) {
    assert.deepEqual(second.deriveEd25519(path).privateKey, first.deriveEd25519(path).privateKey);
  }
  assert.notEqual(new Vault().unlockNew().reveal(), words);
});

test('VLT-03 phrases have 12, 15, 18, 21 or 24 words; 13 is refused, when made and when read', () => {
  for (const count of [12, 15, 18, 21, 24]) {
    const words = new Vault().unlockNew(count).reveal();
    assert.equal(words.split(' ').length, count);
    assert.equal(unlocked(words).isUnlocked, true);
  }
  assert.throws(() => new Vault().unlockNew(13), code('Mnemonic', 'Generation'));
  assert.throws(() => unlocked(`${phrase} about`), code('Mnemonic', 'InvalidPhrase'));
});

test('VLT-04 a wrong checksum and an unknown word are refused, without the words in the message', () => {
  const wrongChecksum = 'abandon '.repeat(12);
  const unknownWord = phrase.replace('about', 'abuot');
  for (const words of [wrongChecksum, unknownWord]) {
    assert.throws(
      () => unlocked(words),
      (error: Error) => {
        assert.doesNotMatch(error.message, /abandon|abuot/);
        return code('Mnemonic', 'InvalidPhrase')(error);
      },
    );
  }
});

test('VLT-05 case, white space and the form of accents make no difference to the seed', () => {
  const seed = (words: string, passphrase = '') => hex(seedOf(parsePhrase(words), passphrase));
  assert.equal(seed(`\n  ${phrase.toUpperCase().replaceAll(' ', ' \t\u3000')}\r\n`), seed(phrase));
  assert.equal(seed(phrase, 'caf\u00e9'), seed(phrase, 'cafe\u0301'));
  assert.notEqual(seed(phrase, 'CAF\u00c9'), seed(phrase, 'caf\u00e9'));
});

test('VLT-05 a phrase may come as bytes', () => {
  const vault = new Vault();
  vault.unlock(new TextEncoder().encode(phrase));
  assert.equal(vault.mnemonic().reveal(), phrase);
});

test('VLT-06 a second unlock is refused before the phrase is looked at, and changes nothing', () => {
  const vault = unlocked();
  const before = vault.deriveEd25519(IDENTITY).publicKey;
  for (const words of [phrase, 'no phrase at all', '']) {
    assert.throws(() => vault.unlock(words), code('AlreadyUnlocked'));
  }
  assert.throws(() => vault.unlockNew(24), code('AlreadyUnlocked'));
  assert.throws(() => vault.unlockNew(13), code('AlreadyUnlocked'));
  assert.deepEqual(vault.deriveEd25519(IDENTITY).publicKey, before);
  assert.equal(vault.mnemonic().reveal(), phrase);
});

test('VLT-07 locking twice is harmless, empties the cache and ends derivation', () => {
  const vault = unlocked();
  vault.deriveEd25519(IDENTITY);
  vault.deriveEd25519(SSH_HOST);
  assert.equal(vault.cached, 2);
  vault.lock();
  vault.lock();
  assert.equal(vault.cached, 0);
  assert.equal(vault.isUnlocked, false);
  assert.throws(() => vault.deriveEd25519(IDENTITY), code('VaultLocked'));
  assert.throws(() => vault.mnemonic(), code('VaultLocked'));
});

test('VLT-08 seeds equal the BIP-39 vectors', () => {
  const vectors: [passphrase: string, seed: string][] = [
    [
      '',
      '5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc19a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4',
    ],
    [
      'TREZOR',
      'c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04',
    ],
    [
      'caf\u00e9',
      'af8bbd2566df7b69d926f2b09dfdbd75db6c994a3399b2cc65f928d63e3fd4e61218ee0d15f8c810be4d45e66d47b43c15a5cc753976b1666912377ff7ae9818',
    ],
  ];
  for (const [passphrase, seed] of vectors) assert.equal(hex(seedOf(parsePhrase(phrase), passphrase)), seed);
});

test('VLT-13 the same input gives the same key, another path or mnemonic passphrase another', () => {
  const key = (vault: Vault, path = IDENTITY) => hex(vault.deriveEd25519(path).privateKey);
  assert.equal(key(unlocked()), key(unlocked()));
  assert.notEqual(key(unlocked()), key(unlocked(), SSH_HOST));
  assert.notEqual(key(unlocked()), key(unlocked(phrase, 'TREZOR')));
});

test('VLT-14 device 0 is the identity, device 1 is not', () => {
  const vault = unlocked();
  assert.equal(devicePath(0), IDENTITY);
  assert.deepEqual(vault.deriveEd25519(devicePath(0)).privateKey, vault.deriveEd25519(IDENTITY).privateKey);
  assert.notDeepEqual(
    vault.deriveEd25519(devicePath(1)).privateKey,
    vault.deriveEd25519(IDENTITY).privateKey,
  );
});

test('VLT-15 key versions map to paths; those that are never used are refused everywhere', () => {
  assert.equal(encryptionPath(2), ENCRYPTION);
  assert.equal(encryptionPath(3), "m/74'/2'/0'/1'");
  assert.equal(encryptionPath(4), "m/74'/2'/0'/2'");
  const vault = unlocked();
  const last = 2 ** 31 + 1;
  assert.equal(vault.deriveEncryptionKeyForVersion(last).path, "m/74'/2'/0'/2147483647'");
  assert.equal(vault.decrypt(vault.encrypt('text', last)), 'text');
  const stored = vault.encrypt('text');
  for (const version of [0, 1, last + 1]) {
    assert.throws(() => vault.deriveEncryptionKeyForVersion(version), code('InvalidPath'));
    assert.throws(() => vault.encrypt('text', version), code('InvalidPath'));
    assert.throws(() => vault.decrypt({ ...stored, key_version: version }), code('InvalidPath'));
    assert.throws(() => vault.rotate(stored, version), code('InvalidPath'));
  }
});

test('VLT-16 the current key version is 2, and new values are stamped with it', () => {
  assert.equal(CURRENT_KEY_VERSION, 2);
  assert.equal(unlocked().encrypt('text').key_version, 2);
});

test('VLT-35 a call that fails leaves the handle as it was', () => {
  const vault = new Vault();
  assert.throws(() => vault.unlock('wrong'), code('Mnemonic'));
  assert.equal(vault.isUnlocked, false);
  vault.unlock(phrase);
  const stored = vault.encrypt('text');
  assert.throws(() => vault.deriveEd25519('m/0'), code('InvalidPath'));
  assert.throws(() => vault.decrypt({ ...stored, data: version2Data }), code('Encryption', 'Decryption'));
  assert.throws(() => vault.decrypt({}), code('Encryption', 'Decoding'));
  assert.equal(vault.decrypt(stored), 'text');
});

test('VLT-37 an unknown key type is refused, whether the handle is locked or not', () => {
  for (const vault of [new Vault(), unlocked()]) {
    for (const keyType of ['ed25519', 'Rsa', '', 'constructor']) {
      assert.throws(() => vault.derive(keyType as KeyType, IDENTITY), code('UnsupportedKeyType'));
    }
  }
});

test('VLT-37 a fault of the arguments is told before the lock', () => {
  const vault = new Vault();
  assert.throws(() => vault.deriveEd25519('m/0'), code('InvalidPath'));
  assert.throws(() => vault.deriveEthereumKey('44/60'), code('InvalidPath'));
  assert.throws(() => vault.encrypt('text', 1), code('InvalidPath'));
  assert.throws(() => vault.decrypt({}), code('Encryption', 'Decoding'));
  assert.throws(() => vault.rotate(blob, 0), code('InvalidPath'));
});
