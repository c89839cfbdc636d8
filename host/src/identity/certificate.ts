/**
 * The identity certificate: a self-signed X.509 envelope over an Ed25519 key, byte for byte the same for the same key.
 * `docs/spec/identity.md` 2.
 *
 * @module
 */

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Certificate } from '../endpoint/engine.ts';
import { ed25519PrivateKey, ed25519PublicKey } from '../vault/ed25519.ts';
import {
  bitString,
  boolean,
  explicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tlv,
  utf8String,
} from './der.ts';

/** An Ed25519 key in the forms that TLS and signing need. */
export interface IdentityKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

const ed25519Algorithm = sequence(objectIdentifier('1.3.101.112'));

/** The key of a 32-byte RFC 8032 secret. */
export function identityKey(secret: Uint8Array): IdentityKey {
  const privateKey = ed25519PrivateKey(secret);
  return { publicKey: ed25519PublicKey(privateKey), privateKey };
}

/** SubjectPublicKeyInfo, 44 bytes. */
export function ed25519Spki(publicKey: Uint8Array): Buffer {
  return sequence(ed25519Algorithm, bitString(publicKey));
}

function serialNumber(publicKey: Uint8Array): Buffer {
  const serial = createHash('sha256').update(publicKey).digest().subarray(0, 16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

const extension = (oid: string, critical: boolean, value: Uint8Array) =>
  sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));

const extensions = sequence(
  // basicConstraints: no CA.
  extension('2.5.29.19', true, sequence()),
  // keyUsage: digitalSignature.
  extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)),
  // extKeyUsage: serverAuth, clientAuth.
  extension(
    '2.5.29.37',
    false,
    sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'), objectIdentifier('1.3.6.1.5.5.7.3.2')),
  ),
);

const validity = sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x18, Buffer.from('99991231235959Z')));

/** DER. */
export function identityCertificateDer({ publicKey, privateKey }: IdentityKey): Buffer {
  const commonName = sequence(
    objectIdentifier('2.5.4.3'),
    utf8String(Buffer.from(publicKey).toString('hex')),
  );
  const name = sequence(set(commonName));
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber(publicKey)),
    ed25519Algorithm,
    name,
    validity,
    name,
    ed25519Spki(publicKey),
    explicit(3, extensions),
  );
  return sequence(toBeSigned, ed25519Algorithm, bitString(sign(null, toBeSigned, privateKey)));
}

/** Certificate and key in the form that the transports take. */
export function identityCertificate(key: IdentityKey): Certificate {
  return Object.freeze({
    cert: toPem('CERTIFICATE', identityCertificateDer(key)),
    key: key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  });
}

/** Over a key that nobody has seen: what an anonymous caller shows on QUIC. */
export function freshCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return identityCertificate({ publicKey: new Uint8Array(raw), privateKey });
}

export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
