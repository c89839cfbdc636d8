import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openBytes, sealBytes } from '../../src/vault/cipher.ts';
import { type EncryptedData, Vault } from '../../src/vault/index.ts';
import { code, hex, phrase, unlocked, vectorIv, version2Data, version3Data } from './support.ts';

const salt = Buffer.alloc(32, 7).toString('base64');
const bytesOf = (base64: string) => Buffer.from(base64, 'base64');

test('VLT-17 any text comes back as it went in, the empty one included', () => {
  const vault = unlocked();
  const roundTrip = (text: string) => assert.equal(vault.decrypt(vault.encrypt(text)), text);
  for (const text of ['', '\u0000', '\ufeffmarked', 'a\r\nb', '🜁'.repeat(1000)]) roundTrip(text);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), roundTrip));
});

test('VLT-18 two encryptions of one text share nothing but the key version', () => {
  const vault = unlocked();
  const [a, b] = [vault.encrypt('same'), vault.encrypt('same')];
  assert.equal(a.key_version, b.key_version);
  for (const member of ['iv', 'salt', 'data'] as const) assert.notEqual(a[member], b[member], member);
});

test('VLT-19 the JSON has four members in order, with the lengths of the format', () => {
  const text = 'grüße';
  const blob = unlocked().encrypt(text);
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(blob))), ['key_version', 'salt', 'iv', 'data']);
  assert.equal(bytesOf(blob.salt).length, 32);
  assert.equal(blob.salt.length, 44);
  assert.equal(bytesOf(blob.iv).length, 12);
  assert.equal(blob.iv.length, 16);
  assert.equal(bytesOf(blob.data).length, Buffer.byteLength(text) + 16);
});

test('VLT-20 the vectors under vault keys decrypt, whatever their salt', () => {
  const vault = unlocked();
  const vectors: [version: number, data: string, text: string][] = [
    [2, version2Data, 'sk-test-123'],
    [3, version3Data, 'sk-test-123'],
    [2, 'nIlOaa19egZXqnOoqTVgUw==', ''],
  ];
  for (const [key_version, data, text] of vectors) {
    for (const anySalt of [salt, Buffer.alloc(32).toString('base64')]) {
      assert.equal(vault.decrypt({ key_version, salt: anySalt, iv: vectorIv, data }), text);
    }
  }
});

test('VLT-20 the cipher alone equals the vector with a counting key', () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const sealed = sealBytes(key, bytesOf(vectorIv), Buffer.from('hello, alknet vault!'));
  assert.equal(hex(sealed), '2f67ba77aac9e27ae12af9eec5c90e0cf6baf31572b3e9269262e4836ee538968c432f2e');
  assert.equal(openBytes(key, bytesOf(vectorIv), sealed)?.toString(), 'hello, alknet vault!');
});

test('VLT-21 every flipped bit and another mnemonic fail with one and the same message', () => {
  const vault = unlocked();
  const blob = vault.encrypt('text');
  const messages = new Set<string>();
  const fails = (handle: Vault, damaged: EncryptedData) =>
    assert.throws(
      () => handle.decrypt(damaged),
      (error: Error) => {
        messages.add(error.message);
        return code('Encryption', 'Decryption')(error);
      },
    );
  for (const member of ['data', 'iv'] as const) {
    const { length } = bytesOf(blob[member]);
    for (let bit = 0; bit < length * 8; bit++) {
      const bytes = bytesOf(blob[member]);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      fails(vault, { ...blob, [member]: bytes.toString('base64') });
    }
  }
  const other = new Vault();
  other.unlockNew();
  fails(other, blob);
  fails(unlocked(phrase, 'TREZOR'), blob);
  assert.deepEqual([...messages], ['decryption failed']);
});

test('VLT-21 bytes that are no UTF-8 fail in the same way, and can be had as bytes', () => {
  const vault = unlocked();
  const key = vault.deriveEncryptionKeyForVersion(2).privateKey;
  const data = sealBytes(key, bytesOf(vectorIv), Uint8Array.of(0xff, 0xfe)).toString('base64');
  const blob = { key_version: 2, salt, iv: vectorIv, data };
  assert.throws(() => vault.decrypt(blob), { message: 'decryption failed', kind: 'Decryption' });
  assert.deepEqual([...vault.decryptBytes(blob)], [0xff, 0xfe]);
});

test('VLT-22 the salt takes no part: another, a shorter and an empty one decrypt', () => {
  const vault = unlocked();
  const blob = vault.encrypt('text');
  for (const other of [salt, 'AAAA', '', Buffer.alloc(100).toString('base64')]) {
    assert.equal(vault.decrypt({ ...blob, salt: other }), 'text');
  }
});

test('VLT-23 another key version fails: decryption from 2 up, path below', () => {
  const vault = unlocked();
  const blob = vault.encrypt('text', 3);
  for (const key_version of [2, 4, 1000]) {
    assert.throws(() => vault.decrypt({ ...blob, key_version }), code('Encryption', 'Decryption'));
  }
  for (const key_version of [0, 1]) {
    assert.throws(() => vault.decrypt({ ...blob, key_version }), code('InvalidPath'));
  }
});

test('VLT-24 a malformed blob is a decoding error that names the member', () => {
  const vault = unlocked();
  const blob = vault.encrypt('text');
  const { key_version, ...renamed } = blob;
  const faults: [member: string, damaged: unknown][] = [
    ['key_version', { ...renamed, keyVersion: key_version }],
    ['key_version', { ...blob, key_version: '2' }],
    ['key_version', { ...blob, key_version: 2.5 }],
    ['key_version', { ...blob, key_version: -1 }],
    ['key_version', { ...blob, key_version: 2 ** 32 }],
    ['iv', { ...blob, iv: Buffer.alloc(11).toString('base64') }],
    ['iv', { ...blob, iv: Buffer.alloc(13).toString('base64') }],
    ['iv', { ...blob, iv: undefined }],
    ['data', { ...blob, data: Buffer.alloc(15).toString('base64') }],
    ['data', { ...blob, data: `${blob.data}!` }],
    ['data', { ...blob, data: blob.data.replaceAll('=', '') }],
    ['data', { ...blob, data: ` ${blob.data}` }],
    ['data', { ...blob, data: 7 }],
    ['salt', { ...blob, salt: '*' }],
    ['salt', { ...blob, salt: undefined }],
    ['object', null],
    ['object', 'text'],
  ];
  for (const [member, damaged] of faults) {
    assert.throws(
      () => vault.decrypt(damaged),
      (error: Error) => {
        assert.match(error.message, new RegExp(member), JSON.stringify(damaged));
        return code('Encryption', 'Decoding')(error);
      },
    );
  }
});

test('VLT-24 base64 with bits that do not count is refused', () => {
  const vault = unlocked();
  const blob = vault.encrypt('1234');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  // 20 bytes leave two bits of the last digit unused, and zero.
  const digit = alphabet[alphabet.indexOf(blob.data.at(-2) ?? '') + 1];
  const data = `${blob.data.slice(0, -2)}${digit}=`;
  assert.deepEqual(bytesOf(data), bytesOf(blob.data));
  assert.throws(() => vault.decrypt({ ...blob, data }), code('Encryption', 'Decoding'));
});

test('VLT-25 members that are not known are ignored', () => {
  const vault = unlocked();
  assert.equal(vault.decrypt({ ...vault.encrypt('text'), note: 'later', algorithm: 1 }), 'text');
});

test('VLT-26 rotation stamps the new version and leaves the old blob valid', () => {
  const vault = unlocked();
  const old = vault.encrypt('text', 2);
  const next = vault.rotate(old, 3);
  assert.equal(next.key_version, 3);
  assert.notEqual(next.iv, old.iv);
  assert.notEqual(next.salt, old.salt);
  assert.equal(vault.decrypt(next), 'text');
  assert.equal(vault.decrypt(old), 'text');
  assert.equal(old.key_version, 2);
});

test('VLT-27 blobs of two versions decrypt in any order with a cache of one entry', () => {
  const vault = new Vault({ cacheSize: 1 });
  vault.unlock(phrase);
  const two = vault.encrypt('two', 2);
  const three = vault.encrypt('three', 3);
  for (const [blob, text] of [
    [two, 'two'],
    [three, 'three'],
    [three, 'three'],
    [two, 'two'],
    [three, 'three'],
  ] as const) {
    assert.equal(vault.decrypt(blob), text);
  }
  assert.equal(vault.decrypt(vault.rotate(two, 3)), 'two');
  assert.equal(vault.cached, 1);
});
