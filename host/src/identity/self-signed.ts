/**
 * A self-signed certificate over a fresh ECDSA P-256 key that is nobody's identity. RFC 5280 4.1. Pure but for the key.
 *
 * @module
 */

import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Certificate } from '../endpoint/engine.ts';
import { objectIdentifier, sequence, tlv } from './der.ts';
import { toPem } from './pem.ts';
import { selfIssued } from './x509.ts';

const ecdsaSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

export interface SelfSigned {
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER of each. */
  readonly extensions: readonly Uint8Array[];
}

export function selfSigned({ commonName, notBefore, notAfter, extensions }: SelfSigned): Certificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const signed = selfIssued(
    {
      serial: randomBytes(16),
      algorithm: ecdsaSha256,
      commonName,
      validity: sequence(utcTime(notBefore), utcTime(notAfter)),
      spki,
      extensions,
    },
    (toBeSigned) => sign('sha256', toBeSigned, privateKey),
  );
  return {
    cert: toPem('CERTIFICATE', signed),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** A dNSName of a subjectAltName. */
export const dnsName = (text: string) => tlv(0x82, Buffer.from(text, 'latin1'));

/** RFC 5280 4.1.2.5.1. */
function utcTime(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(0x17, Buffer.from(text.slice(2)));
}
