/**
 * Text that names a public key or certificate. `docs/spec/identity.md` 3. Pure.
 *
 * @module
 */

import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { parseKey } from '../endpoint/target.ts';
import { readElements } from './der.ts';

/** The text is no fingerprint in any of the known forms. */
export class FingerprintError extends Error {
  override readonly name = 'FingerprintError';
}

const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

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
    const [certificate] = readElements(der);
    const [toBeSigned] = readElements(certificate?.content ?? new Uint8Array(0));
    // version [0] is absent in version 1 certificates: the SPKI is the sixth element after it.
    const fields = readElements(toBeSigned?.content ?? new Uint8Array(0));
    const spki = fields[fields[0]?.tag === 0xa0 ? 6 : 5]?.whole;
    if (spki?.length !== 44 || !ed25519SpkiPrefix.equals(spki.subarray(0, 12))) return undefined;
    return spki.subarray(12);
  } catch {
    return undefined;
  }
}

/** Of an SSH public key blob (RFC 4253 6.6). */
export function sshKeyFingerprint(blob: Uint8Array): string {
  const bytes = Buffer.from(blob);
  const typeLength = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0;
  if (bytes.subarray(4, 4 + typeLength).toString('latin1') === 'ssh-ed25519' && bytes.length === 4 + 11 + 4 + 32) {
    return ed25519Fingerprint(bytes.subarray(-32));
  }
  return `ssh-sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The line of an Ed25519 key as OpenSSH writes it, without comment. */
export function sshKeyLine(publicKey: Uint8Array): string {
  const field = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  return `ssh-ed25519 ${Buffer.concat([field(Buffer.from('ssh-ed25519')), field(publicKey)]).toString('base64')}`;
}

/** What a person may write, in the stored form. @throws FingerprintError */
export function normaliseFingerprint(input: string): string {
  const text = input.trim();
  const key = parseKey(text);
  if (key !== undefined) return key;
  const [, algorithm = '', value = ''] = /^(sha256|ssh-sha256|ed25519):(.*)$/is.exec(text) ?? [];
  const digits = value.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) {
    const prefix = { sha256: 'SHA256', 'ssh-sha256': 'ssh-sha256', ed25519: 'ed25519' }[algorithm.toLowerCase()];
    return `${prefix}:${digits}`;
  }
  if (/^sha256$/i.test(algorithm) && /^[A-Za-z0-9+/]{43}=?$/.test(value)) {
    throw new FingerprintError(
      `${text} is the OpenSSH form, from which the key cannot be read; give the public key line instead (ssh-ed25519 AAAA…)`,
    );
  }
  if (/^(ssh|ecdsa|sk)-[a-z0-9@.-]+\s+AAAA/.test(text)) {
    return sshKeyFingerprint(Buffer.from(text.split(/\s+/)[1] ?? '', 'base64'));
  }
  if (text.startsWith('-----BEGIN')) return pemFingerprint(text);
  throw new FingerprintError(
    `expected ed25519: or SHA256: with 64 hex digits, an ssh-… key line or a PEM, found ${JSON.stringify(text.slice(0, 80))}`,
  );
}

function pemFingerprint(pem: string): string {
  try {
    if (pem.startsWith('-----BEGIN CERTIFICATE')) return certificateFingerprint(new X509Certificate(pem).raw);
    const spki = createPublicKey(pem).export({ format: 'der', type: 'spki' });
    if (ed25519SpkiPrefix.equals(spki.subarray(0, 12))) return ed25519Fingerprint(spki.subarray(12));
  } catch {
    throw new FingerprintError('that PEM is neither a certificate nor a public key');
  }
  throw new FingerprintError('only Ed25519 public keys have a fingerprint of their own; give the certificate');
}
