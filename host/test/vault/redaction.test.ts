import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { DerivedKey, IDENTITY, type Vault } from '../../src/vault/index.ts';
import { code, hex, phrase, unlocked } from './support.ts';

/** What may not be seen: the words, and the private bytes in the forms that a dump would have. */
function secretsOf(vault: Vault): string[] {
  const { privateKey, chainCode } = vault.deriveEd25519(IDENTITY);
  return [
    phrase,
    'abandon',
    ...[privateKey, chainCode].flatMap((bytes) => [
      hex(bytes),
      Buffer.from(bytes).toString('base64').slice(0, 40),
      [...bytes].slice(0, 8).join(','),
      [...bytes].slice(0, 8).join(', '),
    ]),
  ];
}

test('VLT-33 keys, phrases and handles show no secret, however they are looked at', () => {
  const vault = unlocked();
  const key = vault.deriveEd25519(IDENTITY);
  const secrets = secretsOf(vault);
  for (const [name, value] of Object.entries({ key, phrase: vault.mnemonic(), vault })) {
    const shown = [
      inspect(value),
      inspect({ nested: [value] }, { depth: 5 }),
      JSON.stringify(value),
      JSON.stringify({ nested: [value] }),
    ];
    const raw = [
      inspect(value, { showHidden: true, customInspect: false, depth: 5 }),
      String(value),
      `${value}`,
    ];
    for (const text of shown) assert.match(text, /\[REDACTED\]/, name);
    for (const text of [...shown, ...raw]) {
      for (const secret of secrets) assert.equal(text.includes(secret), false, `${name}: ${text}`);
    }
    assert.equal(JSON.stringify(Object.entries(value)).includes(hex(key.privateKey)), false);
  }
  assert.equal(String(vault.mnemonic()), '[REDACTED]');
  assert.equal(`${vault.mnemonic()}`, '[REDACTED]');
});

test('VLT-33 a derived key serialises as its path, type and public key', () => {
  const key = unlocked().deriveEd25519(IDENTITY);
  assert.deepEqual(JSON.parse(JSON.stringify(key)), {
    keyType: 'Ed25519',
    path: IDENTITY,
    privateKey: '[REDACTED]',
    chainCode: '[REDACTED]',
    publicKey: hex(key.publicKey),
  });
});

test('VLT-33 structuredClone carries no secret of a key, a phrase or a handle', () => {
  const vault = unlocked();
  for (const value of [vault, vault.mnemonic(), vault.deriveEd25519(IDENTITY)]) {
    const text = inspect(structuredClone(value), { depth: 5 });
    for (const secret of secretsOf(vault)) assert.equal(text.includes(secret), false);
  }
});

test('VLT-34 a redacted key does not parse, as text or as bytes, and the error says so', () => {
  const shown = unlocked().deriveEd25519(IDENTITY).toJSON();
  for (const privateKey of ['[REDACTED]', [...Buffer.from('[REDACTED]')]]) {
    assert.throws(
      () => DerivedKey.parse({ ...shown, privateKey }),
      (error: Error) => {
        assert.match(error.message, /redacted/);
        return code('Derivation', 'Redacted')(error);
      },
    );
  }
});

test('VLT-34 a key parses from hexadecimal text and from bytes, and from nothing else', () => {
  const key = unlocked().deriveEd25519(IDENTITY);
  const parts = {
    keyType: 'Ed25519',
    path: IDENTITY,
    publicKey: hex(key.publicKey),
    chainCode: hex(key.chainCode),
  };
  for (const privateKey of [hex(key.privateKey), [...key.privateKey]]) {
    const parsed = DerivedKey.parse({ ...parts, privateKey });
    assert.deepEqual(parsed.privateKey, key.privateKey);
    assert.deepEqual(parsed.publicKey, key.publicKey);
  }
  for (const privateKey of ['', 'zz', 'abc', '00', [256], [-1], [1.5], 7, null, undefined]) {
    assert.throws(() => DerivedKey.parse({ ...parts, privateKey }), code('Derivation', 'KeyDerivation'));
  }
  assert.throws(
    () => DerivedKey.parse({ ...parts, privateKey: hex(key.privateKey), keyType: 'Rsa' }),
    code('Derivation'),
  );
  assert.throws(() => DerivedKey.parse(null), code('Derivation'));
});
