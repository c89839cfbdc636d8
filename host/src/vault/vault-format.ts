/**
 * The form of `vault.json`, checked before any work is done on what it says. `docs/spec/vault.md` 9. Pure.
 *
 * @module
 */

import { VaultError } from './errors.ts';

export type Protection = 'passphrase' | 'keyfile';

export interface Kdf {
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

const maxScryptMemory = 2 ** 30;

/** @throws VaultError `VaultFormat` */
export function parseVaultFile(value: unknown): VaultFile {
  if (typeof value !== 'object' || value === null) throw formatFault('expected an object');
  const file = value as Record<string, unknown>;
  expect('format', file['format'], ['alknet-vault']);
  expect('version', file['version'], [1]);
  expect('protection', file['protection'], ['passphrase', 'keyfile']);
  if (typeof file['identity'] !== 'string' || !/^ed25519:[0-9a-f]{64}$/.test(file['identity'])) {
    throw formatFault('identity: expected ed25519: and 64 hex digits');
  }
  const cipher = (file['cipher'] ?? {}) as Record<string, unknown>;
  expect('cipher.name', cipher['name'], ['aes-256-gcm']);
  if (decoded('cipher.iv', cipher['iv']).length !== 12) throw formatFault('cipher.iv: expected 12 bytes');
  if (decoded('cipher.data', cipher['data']).length < 16)
    throw formatFault('cipher.data: expected at least 16 bytes');
  if (file['protection'] === 'passphrase') checkKdf((file['kdf'] ?? {}) as Record<string, unknown>);
  return value as VaultFile;
}

/** Bounds before any work is done: a file must not make its reader allocate at will. */
function checkKdf({ name, N, r, p, salt }: Record<string, unknown>): void {
  expect('kdf.name', name, ['scrypt']);
  const whole = (value: unknown, low: number, high: number): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
  if (!whole(N, 2 ** 14, 2 ** 20) || (N & (N - 1)) !== 0)
    throw formatFault('kdf.N: expected a power of two from 2^14 to 2^20');
  if (!whole(r, 1, 16)) throw formatFault('kdf.r: expected 1 to 16');
  if (!whole(p, 1, 16)) throw formatFault('kdf.p: expected 1 to 16');
  if (128 * N * r > maxScryptMemory) throw formatFault('kdf: 128·N·r is over 1 GiB');
  if (decoded('kdf.salt', salt).length !== 32) throw formatFault('kdf.salt: expected 32 bytes');
}

function expect(member: string, found: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(found)) return;
  throw formatFault(
    `${member}: expected ${allowed.map((value) => JSON.stringify(value)).join(' or ')}, found ${shown(found)}`,
  );
}

const shown = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 80);

function decoded(member: string, value: unknown): Buffer {
  if (typeof value !== 'string') throw formatFault(`${member}: expected base64`);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw formatFault(`${member}: not canonical base64`);
  return bytes;
}

export function formatFault(text: string): VaultError {
  return new VaultError('VaultFormat', `vault.json: ${text}`);
}

/** What the file encrypts. @throws VaultError `VaultFormat` */
export function parseVaultPlaintext(bytes: Buffer): { mnemonic: string; mnemonicPassphrase: string } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw formatFault('what it encrypts is not JSON');
  }
  const { mnemonic, mnemonicPassphrase } = (value ?? {}) as Record<string, unknown>;
  if (typeof mnemonic !== 'string' || typeof mnemonicPassphrase !== 'string') {
    throw formatFault('what it encrypts has no mnemonic and mnemonicPassphrase');
  }
  return { mnemonic, mnemonicPassphrase };
}
