/**
 * The vault at rest: `vault.json`, and `vault.key` where no passphrase protects it. `docs/spec/vault.md` 9.
 *
 * @module
 */

import { randomBytes, scrypt } from 'node:crypto';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openBytes, sealBytes } from './cipher.ts';
import { ed25519PublicKey } from './derive.ts';
import { VaultError } from './errors.ts';
import { readSecretFile, writeSecretFile } from './files.ts';
import { IDENTITY } from './path.ts';
import { Vault } from './vault.ts';

export type Protection = 'passphrase' | 'keyfile';

/** How a vault is to be protected: by a passphrase, or by an unlock key on disk. */
export type NewProtection = { readonly kind: 'passphrase'; readonly passphrase: string } | { readonly kind: 'keyfile' };

interface Kdf {
  readonly name: 'scrypt';
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
}

export interface VaultFile {
  readonly format: 'alknet-vault';
  readonly version: 1;
  /** Public fingerprint of IDENTITY. */
  readonly identity: string;
  readonly createdAt: string;
  readonly protection: Protection;
  readonly kdf?: Kdf;
  readonly cipher: { readonly name: 'aes-256-gcm'; readonly iv: string; readonly data: string };
}

const cost = { N: 2 ** 17, r: 8, p: 1 } as const;
const maxScryptMemory = 2 ** 30;

export const vaultPath = (dataDir: string) => join(dataDir, 'vault.json');
export const unlockKeyPath = (dataDir: string) => join(dataDir, 'vault.key');

export async function vaultExists(dataDir: string): Promise<boolean> {
  return access(vaultPath(dataDir)).then(
    () => true,
    () => false,
  );
}

/** Writes a first vault file. @throws VaultError `VaultExists`, `VaultLocked` */
export async function createVaultFile(dataDir: string, vault: Vault, protection: NewProtection): Promise<VaultFile> {
  if (await vaultExists(dataDir)) {
    throw new VaultError('VaultExists', `${vaultPath(dataDir)} exists already; move it away, or use another data directory`);
  }
  return await protect(dataDir, vault, protection, new Date().toISOString());
}

/** Writes the file anew under another protection; mnemonic, keys and identity stay. */
export async function rotateVaultFile(dataDir: string, vault: Vault, protection: NewProtection): Promise<VaultFile> {
  const { createdAt } = await readVaultFile(dataDir, () => {});
  return await protect(dataDir, vault, protection, createdAt);
}

async function protect(dataDir: string, vault: Vault, protection: NewProtection, createdAt: string): Promise<VaultFile> {
  using identity = vault.deriveEd25519(IDENTITY);
  const plaintext = Buffer.from(
    JSON.stringify({ mnemonic: vault.mnemonic().reveal(), mnemonicPassphrase: vault.mnemonicPassphrase() }),
  );
  const iv = randomBytes(12);
  let key: Buffer;
  let kdf: Kdf | undefined;
  if (protection.kind === 'passphrase') {
    if (protection.passphrase === '') throw new VaultError('UnlockFailed', 'a vault passphrase must not be empty');
    kdf = { name: 'scrypt', ...cost, salt: randomBytes(32).toString('base64') };
    key = await passphraseKey(protection.passphrase, kdf);
  } else {
    key = randomBytes(32);
    // On disk before the vault that needs it.
    await writeSecretFile(unlockKeyPath(dataDir), `${key.toString('base64')}\n`);
  }
  const file: VaultFile = {
    format: 'alknet-vault',
    version: 1,
    identity: `ed25519:${Buffer.from(identity.publicKey).toString('hex')}`,
    createdAt,
    protection: protection.kind,
    ...(kdf === undefined ? {} : { kdf }),
    cipher: { name: 'aes-256-gcm', iv: iv.toString('base64'), data: sealBytes(key, iv, plaintext).toString('base64') },
  };
  key.fill(0);
  plaintext.fill(0);
  await writeSecretFile(vaultPath(dataDir), `${JSON.stringify(file, null, 2)}\n`);
  if (protection.kind === 'passphrase') await rm(unlockKeyPath(dataDir), { force: true });
  return file;
}

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
    throw new VaultError('VaultMissing', `there is no vault at ${vaultPath(dataDir)}; make one with: alknet init`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw format('it is not JSON');
  }
  return parseVaultFile(value);
}

export function parseVaultFile(value: unknown): VaultFile {
  if (typeof value !== 'object' || value === null) throw format('expected an object');
  const file = value as Record<string, unknown>;
  expect('format', file['format'], ['alknet-vault']);
  expect('version', file['version'], [1]);
  expect('protection', file['protection'], ['passphrase', 'keyfile']);
  if (typeof file['identity'] !== 'string' || !/^ed25519:[0-9a-f]{64}$/.test(file['identity'])) {
    throw format('identity: expected ed25519: and 64 hex digits');
  }
  const cipher = (file['cipher'] ?? {}) as Record<string, unknown>;
  expect('cipher.name', cipher['name'], ['aes-256-gcm']);
  if (decoded('cipher.iv', cipher['iv']).length !== 12) throw format('cipher.iv: expected 12 bytes');
  if (decoded('cipher.data', cipher['data']).length < 16) throw format('cipher.data: expected at least 16 bytes');
  if (file['protection'] === 'passphrase') checkKdf((file['kdf'] ?? {}) as Record<string, unknown>);
  return value as VaultFile;
}

/** Bounds before any work is done: a file must not make its reader allocate at will. */
function checkKdf({ name, N, r, p, salt }: Record<string, unknown>): void {
  expect('kdf.name', name, ['scrypt']);
  const whole = (value: unknown, low: number, high: number): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
  if (!whole(N, 2 ** 14, 2 ** 20) || (N & (N - 1)) !== 0) throw format('kdf.N: expected a power of two from 2^14 to 2^20');
  if (!whole(r, 1, 16)) throw format('kdf.r: expected 1 to 16');
  if (!whole(p, 1, 16)) throw format('kdf.p: expected 1 to 16');
  if (128 * N * r > maxScryptMemory) throw format('kdf: 128·N·r is over 1 GiB');
  decoded('kdf.salt', salt);
}

function expect(member: string, found: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(found)) return;
  throw format(`${member}: expected ${allowed.map((value) => JSON.stringify(value)).join(' or ')}, found ${JSON.stringify(found)}`);
}

function decoded(member: string, value: unknown): Buffer {
  if (typeof value !== 'string') throw format(`${member}: expected base64`);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw format(`${member}: not canonical base64`);
  return bytes;
}

function format(text: string): VaultError {
  return new VaultError('VaultFormat', `vault.json: ${text}`);
}

/** The unlock key of a `keyfile` vault. @throws VaultError `UnlockFailed` */
export async function readUnlockKey(dataDir: string, warn: (message: string) => void): Promise<Buffer> {
  const text = await readSecretFile(unlockKeyPath(dataDir), warn);
  const key = Buffer.from((text ?? '').trim(), 'base64');
  if (key.length !== 32) {
    throw new VaultError('UnlockFailed', `${unlockKeyPath(dataDir)}: missing or damaged; restore it from a backup`);
  }
  return key;
}

/**
 * An unlocked vault. `key` is a passphrase, or the bytes of the unlock key.
 * @throws VaultError `UnlockFailed`, `VaultFormat`
 */
export async function openVaultFile(file: VaultFile, key: string | Uint8Array): Promise<Vault> {
  let aes: Uint8Array;
  if (typeof key !== 'string') aes = key;
  else {
    if (file.kdf === undefined) throw format('kdf: missing');
    aes = await passphraseKey(key, file.kdf);
  }
  const opened = openBytes(aes, Buffer.from(file.cipher.iv, 'base64'), Buffer.from(file.cipher.data, 'base64'));
  if (opened === undefined) throw new VaultError('UnlockFailed', 'wrong passphrase or damaged vault file');
  const { mnemonic, mnemonicPassphrase } = JSON.parse(opened.toString('utf8')) as Record<string, string>;
  opened.fill(0);
  const vault = new Vault();
  vault.unlock(mnemonic ?? '', mnemonicPassphrase ?? '');
  using identity = vault.deriveEd25519(IDENTITY);
  const found = `ed25519:${Buffer.from(ed25519PublicKey(identity.privateKey)).toString('hex')}`;
  if (found !== file.identity) {
    vault.lock();
    throw format('identity: it is not that of the phrase inside');
  }
  return vault;
}
