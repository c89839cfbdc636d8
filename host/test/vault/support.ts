/** The vectors of `docs/spec/vault.md` 14, and directories that go away with their test. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Vault, VaultError, type VaultErrorCode, type VaultErrorKind } from '../../src/vault/index.ts';

export const phrase = `${'abandon '.repeat(11)}about`;
export const identityFingerprint = 'ed25519:e78c2766a792f09bfccb51493968ac322283e8d021a30063784d806929762ecc';
/** Key version 2 and 3 of the phrase, the words `sk-test-123`, iv = bytes 00 … 0b. */
export const version2Data = 'fI82ZEKfLCJ0voqRj8vHc0R1DPKy6qLvCoRf';
export const version3Data = 'HuaQy9Wwogihk1BP/rzBWqh/9fhr64sliFRn';
export const vectorIv = 'AAECAwQFBgcICQoL';

export const vaultPassphrase = 'correct horse battery staple';
export const vaultSalt = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
export const unlockKey = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64');
export const passphraseCipher =
  'xTSW1D8vCGVpi/bBH11N6g8qmK4Ieng6CWGOU78b+uOkKEJAAQQeLGxT8Xz4lXcmY92OX8706yjxZoGwJNG2CJ6odNx+Bhxoorecw26VscgTFw8PD0GkZ5/xT1hmj2zcZY42GaqRkoCvIoIcTSJAddmiktM0VSQIW0JNYOSilYA0qk4lHwUZ+QcRwyc8OWR4BL2gvw==';
export const keyfileCipher =
  'PCC7daCIrXXkIrWxk4gaDO2y6FrQGj0dVgOK6z0IYtNvdMGSj6Bw+RrAEIOo5kpZgD0P43q3wbtR80V3OIKXj55YqRTzsEQAcjDFAM/ubIlW7qYMVgIxCZOZ8aJYkdvspZw2iIQgqnXraByeahhPGtcIDMKAlUTpPo8/v+OVCyyBcCK7iI3AthfxnwGU792scoUdSQ==';

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export function unlocked(words: string = phrase, mnemonicPassphrase = ''): Vault {
  const vault = new Vault();
  vault.unlock(words, mnemonicPassphrase);
  return vault;
}

export function code(expected: VaultErrorCode, kind?: VaultErrorKind) {
  return (error: unknown) => {
    assert.ok(error instanceof VaultError, String(error));
    assert.equal(error.code, expected, error.message);
    if (kind !== undefined) assert.equal(error.kind, kind);
    return true;
  };
}

export async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'alknet-vault-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The fields of a `vault.json` of the vector. */
export function vectorVault(protection: 'passphrase' | 'keyfile') {
  return {
    format: 'alknet-vault',
    version: 1,
    identity: identityFingerprint,
    createdAt: '2026-01-01T00:00:00Z',
    protection,
    ...(protection === 'passphrase'
      ? { kdf: { name: 'scrypt', N: 131072, r: 8, p: 1, salt: vaultSalt } }
      : {}),
    cipher: {
      name: 'aes-256-gcm',
      iv: vectorIv,
      data: protection === 'passphrase' ? passphraseCipher : keyfileCipher,
    },
  };
}
