/**
 * `operator.key`: the operator identity as an OpenSSH private key (`docs/spec/cli.md` 2), in the unencrypted form of
 * OpenSSH's PROTOCOL.key.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ed25519PublicKey } from '../vault/ed25519.ts';
import { readSecretFile, writeSecretFile } from '../vault/files.ts';
import { type IdentityKey, identityKey } from './certificate.ts';
import { toPem } from './pem.ts';

export const operatorKeyPath = (dataDir: string) => join(dataDir, 'operator.key');

const magic = Buffer.from('openssh-key-v1\0');
const keyType = Buffer.from('ssh-ed25519');

/** The file is no Ed25519 key that can be read without a passphrase. */
export class OperatorKeyError extends Error {
  override readonly name = 'OperatorKeyError';
}

function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** PEM text of a 32-byte RFC 8032 secret. */
export function formatOpenSshKey(secret: Uint8Array, comment: string): string {
  const publicKey = ed25519PublicKey(secret);
  const check = randomBytes(4);
  const inner = [
    check,
    check,
    field(keyType),
    field(publicKey),
    field(Buffer.concat([secret, publicKey])),
    field(Buffer.from(comment)),
  ];
  let body = Buffer.concat(inner);
  // Padding 1, 2, 3 … to the block size of the cipher "none".
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, i) => i + 1));
  body = Buffer.concat([body, padding]);
  const count = Buffer.from([0, 0, 0, 1]);
  const none = field(Buffer.from('none'));
  const whole = Buffer.concat([
    magic,
    none,
    none,
    field(Buffer.alloc(0)),
    count,
    field(Buffer.concat([field(keyType), field(publicKey)])),
    field(body),
  ]);
  return toPem('OPENSSH PRIVATE KEY', whole);
}

/** @throws OperatorKeyError */
export function parseOpenSshKey(text: string): IdentityKey {
  const match = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  if (match === null) throw new OperatorKeyError('expected an OpenSSH private key');
  const bytes = Buffer.from(match[1] ?? '', 'base64');
  let offset = magic.length;
  if (!bytes.subarray(0, offset).equals(magic)) throw new OperatorKeyError('expected an OpenSSH private key');
  const read = (from: Buffer, at: number) => {
    if (at + 4 > from.length) throw new OperatorKeyError('the key is cut off');
    const end = at + 4 + from.readUInt32BE(at);
    if (end > from.length) throw new OperatorKeyError('the key is cut off');
    return { value: from.subarray(at + 4, end), end };
  };
  const cipher = read(bytes, offset);
  if (cipher.value.toString() !== 'none') {
    throw new OperatorKeyError(
      'the key has a passphrase, and nobody is asked for it; remove it with: ssh-keygen -p',
    );
  }
  offset = read(bytes, read(bytes, cipher.end).end).end + 4;
  const shown = read(bytes, offset);
  const publicKey = Buffer.from(shown.value.subarray(-32));
  const body = read(bytes, shown.end).value;
  const type = read(body, 8);
  if (!type.value.equals(keyType))
    throw new OperatorKeyError(`expected an ssh-ed25519 key, found ${type.value.toString('latin1')}`);
  const named = read(body, type.end);
  const pair = read(body, named.end).value;
  if (pair.length !== 64) throw new OperatorKeyError(`expected a key of 64 bytes, found ${pair.length}`);
  const key = identityKey(pair.subarray(0, 32));
  bytes.fill(0);
  if (!Buffer.from(key.publicKey).equals(publicKey)) {
    throw new OperatorKeyError('its private key does not belong to its public key');
  }
  return key;
}

export async function writeOperatorKey(dataDir: string, secret: Uint8Array): Promise<void> {
  await writeSecretFile(operatorKeyPath(dataDir), formatOpenSshKey(secret, 'alknet operator'));
}

/** `undefined` when there is none. @throws OperatorKeyError */
export async function readOperatorKey(
  path: string,
  warn: (message: string) => void,
): Promise<IdentityKey | undefined> {
  const text = await readSecretFile(path, warn);
  if (text === undefined) return undefined;
  try {
    return parseOpenSshKey(text);
  } catch (error) {
    if (error instanceof OperatorKeyError) throw new OperatorKeyError(`${path}: ${error.message}`);
    throw error;
  }
}
