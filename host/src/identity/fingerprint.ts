/**
 * Text that names a public key or certificate. `docs/spec/identity.md` 3. Pure.
 *
 * @module
 */

import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { parseKey } from '../endpoint/target.ts';
import { certificateFields } from './certificate-fields.ts';

/** The text is no fingerprint in any of the known forms. */
export class FingerprintError extends Error {
  override readonly name = 'FingerprintError';
}

const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
/** Length and text `ssh-ed25519`, then the length of the key. */
const ed25519BlobPrefix = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1');

export function ed25519Fingerprint(publicKey: Uint8Array): string {
  return `ed25519:${Buffer.from(publicKey).toString('hex')}`;
}

/** Of the certificate that a handshake proved, DER. */
export function certificateFingerprint(der: Uint8Array): string {
  const key = ed25519KeyOf(der);
  if (key !== undefined) return ed25519Fingerprint(key);
  return `SHA256:${createHash('sha256').update(der).digest('hex')}`;
}

/** The Ed25519 key of a certificate, self-signed or issued; `undefined` when its key is another. */
export function ed25519KeyOf(der: Uint8Array): Uint8Array | undefined {
  try {
    const { spki } = certificateFields(der);
    if (spki.length !== 44 || !ed25519SpkiPrefix.equals(spki.subarray(0, 12))) return undefined;
    return spki.subarray(12);
  } catch {
    return undefined;
  }
}

/** Of an SSH public key blob (RFC 4253 6.6, RFC 8709 4). */
export function sshKeyFingerprint(blob: Uint8Array): string {
  const bytes = Buffer.from(blob);
  if (bytes.length === ed25519BlobPrefix.length + 32 && ed25519BlobPrefix.equals(bytes.subarray(0, 19))) {
    return ed25519Fingerprint(bytes.subarray(19));
  }
  return `ssh-sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The line of an Ed25519 key as OpenSSH writes it, without comment. */
export function sshKeyLine(publicKey: Uint8Array): string {
  return `ssh-ed25519 ${Buffer.concat([ed25519BlobPrefix, publicKey]).toString('base64')}`;
}

/** What a person may write, in the stored form. @throws FingerprintError */
export function normaliseFingerprint(input: string): string {
  const text = input.trim();
  const key = parseKey(text);
  if (key !== undefined) return key;
  const [, algorithm = '', value = ''] = /^(sha256|ssh-sha256|ed25519):(.*)$/is.exec(text) ?? [];
  const digits = value.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) {
    const prefix = { sha256: 'SHA256', 'ssh-sha256': 'ssh-sha256', ed25519: 'ed25519' }[
      algorithm.toLowerCase()
    ];
    return `${prefix}:${digits}`;
  }
  if (/^sha256$/i.test(algorithm) && /^[A-Za-z0-9+/]{43}=?$/.test(value)) {
    throw new FingerprintError(
      `${text} is the OpenSSH form, from which the key cannot be read; give the public key line instead (ssh-ed25519 AAAA…)`,
    );
  }
  if (/^(ssh|ecdsa|sk)-[a-z0-9@.-]+\s+AAAA/.test(text)) return sshLineFingerprint(text);
  if (text.startsWith('-----BEGIN')) return pemFingerprint(text);
  // What stands in the wrong place may be a secret.
  const found = text.startsWith('alk_') ? 'a token' : JSON.stringify(text.slice(0, 80));
  throw new FingerprintError(
    `expected ed25519: or SHA256: with 64 hex digits, an ssh-… key line or a PEM, found ${found}`,
  );
}

function sshLineFingerprint(line: string): string {
  const [type = '', base64 = ''] = line.split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  const typed = Buffer.concat([Buffer.from([0, 0, 0, type.length]), Buffer.from(type)]);
  const whole = blob.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  const fingerprint = sshKeyFingerprint(blob);
  const fits = type !== 'ssh-ed25519' || fingerprint.startsWith('ed25519:');
  if (whole && fits && typed.equals(blob.subarray(0, typed.length))) return fingerprint;
  throw new FingerprintError(`the ${type} key line is damaged or cut off; copy it whole from the .pub file`);
}

function pemFingerprint(pem: string): string {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1] ?? '';
  try {
    if (label === 'CERTIFICATE') return certificateFingerprint(new X509Certificate(pem).raw);
    if (label === 'PUBLIC KEY') {
      const spki = createPublicKey(pem).export({ format: 'der', type: 'spki' });
      if (ed25519SpkiPrefix.equals(spki.subarray(0, 12))) return ed25519Fingerprint(spki.subarray(12));
    }
  } catch {
    throw new FingerprintError(`that ${label} is damaged`);
  }
  if (label === 'PUBLIC KEY') {
    throw new FingerprintError(
      'only Ed25519 public keys have a fingerprint of their own; give the certificate',
    );
  }
  throw new FingerprintError(
    `expected a PEM of a certificate or of a public key, found one of ${label || 'nothing'}`,
  );
}
