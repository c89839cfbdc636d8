/**
 * The vault at rest: `vault.json`, and `vault.key` where no passphrase protects it. `docs/spec/vault.md` 9.
 *
 * @module
 */

import { randomBytes, scrypt } from 'node:crypto';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openBytes, sealBytes } from './cipher.ts';
import { VaultError } from './errors.ts';
import { readSecretFile, writeSecretFile } from './files.ts';
import { withLock } from './lock-file.ts';
import { IDENTITY } from './path.ts';
import { Vault } from './vault.ts';
import {
  formatFault,
  type Kdf,
  parseVaultFile,
  parseVaultPlaintext,
  type VaultFile,
} from './vault-format.ts';

/** How a vault is to be protected: by a passphrase, or by an unlock key on disk. */
export type NewProtection =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'keyfile' };

const cost = { N: 2 ** 17, r: 8, p: 1 } as const;

export const vaultPath = (dataDir: string) => join(dataDir, 'vault.json');
export const unlockKeyPath = (dataDir: string) => join(dataDir, 'vault.key');

export async function vaultExists(dataDir: string): Promise<boolean> {
  return access(vaultPath(dataDir)).then(
    () => true,
    () => false,
  );
}

/** Writes a first vault file. @throws VaultError `VaultExists`, `VaultLocked`, `UnlockFailed` */
export async function createVaultFile(
  dataDir: string,
  vault: Vault,
  protection: NewProtection,
): Promise<VaultFile> {
  return await exclusively(dataDir, async () => {
    if (await vaultExists(dataDir)) {
      throw new VaultError(
        'VaultExists',
        `${vaultPath(dataDir)} exists already; move it away, or use another data directory`,
      );
    }
    return await protect(dataDir, vault, protection, new Date().toISOString(), undefined);
  });
}

/** Writes the file anew under another protection; mnemonic, keys and identity stay. */
export async function rotateVaultFile(
  dataDir: string,
  vault: Vault,
  protection: NewProtection,
): Promise<VaultFile> {
  return await exclusively(dataDir, async () => {
    const before = await readVaultFile(dataDir, () => {});
    // The vault on disk opens with the key on disk at every moment, so a key that is in use must not be exchanged.
    const unlockKey = before.protection === 'keyfile' ? await readUnlockKey(dataDir, () => {}) : undefined;
    return await protect(dataDir, vault, protection, before.createdAt, unlockKey);
  });
}

function exclusively<Result>(dataDir: string, work: () => Promise<Result>): Promise<Result> {
  return withLock(`${vaultPath(dataDir)}.lock`, work);
}

/** `unlockKey`: that of the file as it stands, if it is protected by one. */
async function protect(
  dataDir: string,
  vault: Vault,
  protection: NewProtection,
  createdAt: string,
  unlockKey: Buffer | undefined,
): Promise<VaultFile> {
  using identity = vault.deriveEd25519(IDENTITY);
  const plaintext = Buffer.from(
    JSON.stringify({ mnemonic: vault.mnemonic().reveal(), mnemonicPassphrase: vault.mnemonicPassphrase() }),
  );
  const { key, kdf } = await newKey(dataDir, protection, unlockKey);
  const iv = randomBytes(12);
  const file: VaultFile = {
    format: 'alknet-vault',
    version: 1,
    identity: fingerprint(identity.publicKey),
    createdAt,
    protection: protection.kind,
    ...(kdf === undefined ? {} : { kdf }),
    cipher: {
      name: 'aes-256-gcm',
      iv: iv.toString('base64'),
      data: sealBytes(key, iv, plaintext).toString('base64'),
    },
  };
  key.fill(0);
  plaintext.fill(0);
  await writeSecretFile(vaultPath(dataDir), `${JSON.stringify(file, null, 2)}\n`);
  if (protection.kind === 'passphrase') await rm(unlockKeyPath(dataDir), { force: true });
  return file;
}

async function newKey(
  dataDir: string,
  protection: NewProtection,
  unlockKey: Buffer | undefined,
): Promise<{ key: Buffer; kdf?: Kdf }> {
  if (protection.kind === 'passphrase') {
    if (protection.passphrase === '') {
      throw new VaultError('UnlockFailed', 'a vault passphrase must not be empty');
    }
    const kdf: Kdf = { name: 'scrypt', ...cost, salt: randomBytes(32).toString('base64') };
    return { key: await passphraseKey(protection.passphrase, kdf), kdf };
  }
  if (unlockKey !== undefined) return { key: unlockKey };
  const key = randomBytes(32);
  // On disk before the vault that needs it.
  await writeSecretFile(unlockKeyPath(dataDir), `${key.toString('base64')}\n`);
  return { key };
}

const fingerprint = (publicKey: Uint8Array) => `ed25519:${Buffer.from(publicKey).toString('hex')}`;

/** scrypt, off the event loop. */
export function passphraseKey(passphrase: string, { N, r, p, salt }: Kdf): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 2 * 128 * N * r + 2 ** 20 };
    scrypt(passphrase.normalize('NFKD'), Buffer.from(salt, 'base64'), 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

/** Reads and checks the public part. @throws VaultError `VaultMissing`, `VaultFormat`, `FilePermissions` */
export async function readVaultFile(dataDir: string, warn: (message: string) => void): Promise<VaultFile> {
  const text = await readSecretFile(vaultPath(dataDir), warn);
  if (text === undefined) {
    throw new VaultError(
      'VaultMissing',
      `there is no vault at ${vaultPath(dataDir)}; make one with: alknet init`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw formatFault('it is not JSON');
  }
  return parseVaultFile(value);
}

/** The unlock key of a `keyfile` vault. @throws VaultError `UnlockFailed` */
export async function readUnlockKey(dataDir: string, warn: (message: string) => void): Promise<Buffer> {
  const text = await readSecretFile(unlockKeyPath(dataDir), warn);
  const key = Buffer.from((text ?? '').trim(), 'base64');
  if (key.length !== 32) {
    throw new VaultError(
      'UnlockFailed',
      `${unlockKeyPath(dataDir)}: missing or damaged; restore it from a backup`,
    );
  }
  return key;
}

/**
 * An unlocked vault. `key` is a passphrase, or the bytes of the unlock key; `vault` a locked handle.
 * @throws VaultError `UnlockFailed`, `VaultFormat`, `AlreadyUnlocked`
 */
export async function openVaultFile(
  file: VaultFile,
  key: string | Uint8Array,
  vault: Vault = new Vault(),
): Promise<Vault> {
  const aes = await aesKey(file, key);
  const opened = openBytes(
    aes,
    Buffer.from(file.cipher.iv, 'base64'),
    Buffer.from(file.cipher.data, 'base64'),
  );
  aes.fill(0);
  if (opened === undefined) throw new VaultError('UnlockFailed', 'wrong passphrase or damaged vault file');
  const { mnemonic, mnemonicPassphrase } = parseVaultPlaintext(opened);
  opened.fill(0);
  vault.unlock(mnemonic, mnemonicPassphrase);
  using identity = vault.deriveEd25519(IDENTITY);
  if (fingerprint(identity.publicKey) !== file.identity) {
    vault.lock();
    throw formatFault('identity: it is not that of the phrase inside');
  }
  return vault;
}

async function aesKey(file: VaultFile, key: string | Uint8Array): Promise<Uint8Array> {
  if (typeof key !== 'string') return key.slice();
  if (file.kdf === undefined)
    throw formatFault('it is protected by an unlock key, and a passphrase was given');
  return await passphraseKey(key, file.kdf);
}
