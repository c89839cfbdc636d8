/**
 * The cipher of stored credentials: AES-256-GCM in a frozen JSON form. `docs/spec/vault.md` 7. Pure but for randomness.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { VaultError } from './errors.ts';

/** Members in this order. `salt` is stored and not used. */
export interface EncryptedData {
  readonly key_version: number;
  readonly salt: string;
  readonly iv: string;
  readonly data: string;
}

const ivLength = 12;
const tagLength = 16;
const maxVersion = 2 ** 32 - 1;

/** ciphertext ‖ tag */
export function sealBytes(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** `undefined` for a wrong key and for damage alike. */
export function openBytes(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < tagLength) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, iv);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagLength)), decipher.final()]);
  } catch {
    return undefined;
  }
}

export function encrypt(key: Uint8Array, version: number, plaintext: Uint8Array): EncryptedData {
  const iv = randomBytes(ivLength);
  return {
    key_version: version,
    salt: randomBytes(32).toString('base64'),
    iv: iv.toString('base64'),
    data: sealBytes(key, iv, plaintext).toString('base64'),
  };
}

/** @throws VaultError `Encryption`, kind `Decryption` */
export function decrypt(key: Uint8Array, { iv, data }: EncryptedData): Buffer {
  const opened = openBytes(key, Buffer.from(iv, 'base64'), Buffer.from(data, 'base64'));
  if (opened === undefined) throw new VaultError('Encryption', 'decryption failed', 'Decryption');
  return opened;
}

/** Checks the form; unknown members are ignored. @throws VaultError `Encryption`, kind `Decoding`, naming the member */
export function parseEncrypted(value: unknown): EncryptedData {
  if (typeof value !== 'object' || value === null) throw decoding('expected an object');
  const { key_version, salt, iv, data } = value as Record<string, unknown>;
  if (
    typeof key_version !== 'number' ||
    !Number.isInteger(key_version) ||
    key_version < 0 ||
    key_version > maxVersion
  ) {
    throw decoding('key_version: expected an integer from 0 to 2^32-1');
  }
  const bytes = { salt: base64('salt', salt), iv: base64('iv', iv), data: base64('data', data) };
  if (bytes.iv.length !== ivLength)
    throw decoding(`iv: expected ${ivLength} bytes, found ${bytes.iv.length}`);
  if (bytes.data.length < tagLength)
    throw decoding(`data: expected at least ${tagLength} bytes, found ${bytes.data.length}`);
  return { key_version, salt: salt as string, iv: iv as string, data: data as string };
}

function base64(member: string, value: unknown): Buffer {
  if (typeof value !== 'string') throw decoding(`${member}: missing, or no text`);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw decoding(`${member}: not canonical base64`);
  return bytes;
}

function decoding(text: string): VaultError {
  return new VaultError('Encryption', `encrypted data: ${text}`, 'Decoding');
}
