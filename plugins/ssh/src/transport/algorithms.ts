/**
 * What is offered and accepted, in the order of preference. `docs/spec/ssh.md` 1. Nothing rests on SHA-1, MD5, CBC, DSA
 * or 3DES. Strict key exchange (`kex-strict-s-v00@openssh.com`) is added by the library.
 *
 * @module
 */

import type { Algorithms, CipherAlgorithm, KexAlgorithm, MacAlgorithm } from 'ssh2';

export const keyExchange: readonly KexAlgorithm[] = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'diffie-hellman-group16-sha512',
];

export const hostKeyType = 'ssh-ed25519';

export const ciphers: readonly CipherAlgorithm[] = [
  'chacha20-poly1305@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-gcm@openssh.com',
  'aes256-ctr',
  'aes128-ctr',
];

/** Of the ctr ciphers; the others authenticate by themselves. */
export const macs: readonly MacAlgorithm[] = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
];

/** Signatures that a login may carry, RFC 8308 3.1. */
export const signatureAlgorithms: readonly string[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** The same for the built-in client. */
export const clientAlgorithms: Algorithms = {
  kex: [...keyExchange],
  serverHostKey: [hostKeyType],
  // AES first: node:crypto has it in hardware, and ChaCha20-Poly1305 is two passes in JavaScript.
  cipher: [...ciphers].sort((a, b) => Number(b.includes('gcm')) - Number(a.includes('gcm'))),
  hmac: [...macs],
  compress: ['none'],
};
