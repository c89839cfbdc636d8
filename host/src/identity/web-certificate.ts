/**
 * A certificate for browsers and stock clients, from PEM texts: whether it fits its key, and for whom it is shown.
 * `docs/spec/identity.md` 7.1 and 7.2. Pure.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Certificate } from '../endpoint/engine.ts';

/** A certificate or key that cannot be used; the message names the key of the configuration. */
export class CertLoadError extends Error {
  override readonly name = 'CertLoadError';
  readonly code = 'CertLoad';
}

export interface WebCertificate extends Certificate {
  /** Of the leaf. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Hex, over the DER of the leaf. */
  readonly sha256: string;
  /** A wildcard covers one label (RFC 9525 6.3). */
  coversName(name: string): boolean;
  coversAddress(address: string): boolean;
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * The chain, leaf first, with its key.
 * @throws CertLoadError
 */
export function webCertificate(cert: string, key: string): WebCertificate {
  const [first, ...rest] = cert.match(block) ?? [];
  if (first === undefined)
    throw new CertLoadError('tls.cert: expected a PEM certificate, leaf first, found none');
  const leaf = parsed(first, 1);
  for (const [index, text] of rest.entries()) parsed(text, index + 2);
  if (!leaf.checkPrivateKey(parsedKey(key)))
    throw new CertLoadError('tls.key: does not belong to the certificate of tls.cert');
  // Only names of the subjectAltName count: the common name is a text for people.
  const exact = { subject: 'never', wildcards: true, partialWildcards: false } as const;
  return {
    cert,
    key,
    names: (leaf.subjectAltName ?? '').split(', ').filter((name) => name !== ''),
    notBefore: new Date(leaf.validFrom),
    notAfter: new Date(leaf.validTo),
    sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    coversName: (name) => leaf.checkHost(name, exact) !== undefined,
    coversAddress: (address) => leaf.checkIP(address) !== undefined,
  };
}

function parsed(text: string, number: number): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new CertLoadError(`tls.cert: certificate ${number} of the chain is damaged`);
  }
}

function parsedKey(text: string): KeyObject {
  if (/-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(text))
    throw new CertLoadError('tls.key: is encrypted; write it out without a passphrase');
  try {
    return createPrivateKey(text);
  } catch {
    throw new CertLoadError('tls.key: expected a PEM private key');
  }
}
