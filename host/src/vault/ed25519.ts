/**
 * Ed25519 keys of 32-byte RFC 8032 secrets, as `node:crypto` has them. Pure.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** PKCS #8 of an Ed25519 key (RFC 8410 7), without its 32 bytes. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key of a 32-byte RFC 8032 secret, as `node:crypto` signs with it. */
export function ed25519PrivateKey(secret: Uint8Array): KeyObject {
  const der = Buffer.concat([pkcs8Prefix, secret]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

/** The 32 bytes of its public key; of a secret, those of the key that it makes. */
export function ed25519PublicKey(key: Uint8Array | KeyObject): Uint8Array {
  const privateKey = key instanceof Uint8Array ? ed25519PrivateKey(key) : key;
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  // The last 32 bytes of the SPKI are the key.
  return new Uint8Array(spki.subarray(-32));
}
