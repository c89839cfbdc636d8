/**
 * The identity certificate: a self-signed X.509 envelope over an Ed25519 key, byte for byte the same for the same key.
 * `docs/spec/identity.md` 2.
 *
 * @module
 */

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Certificate } from '../endpoint/engine.ts';
import { ed25519PrivateKey, ed25519PublicKey } from '../vault/ed25519.ts';
import { bitString, objectIdentifier, sequence, tlv } from './der.ts';
import { toPem } from './pem.ts';
import { extension, selfIssued } from './x509.ts';

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

const extensions = [
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
];

const validity = sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x18, Buffer.from('99991231235959Z')));

/** DER. */
export function identityCertificateDer({ publicKey, privateKey }: IdentityKey): Buffer {
  return selfIssued(
    {
      serial: createHash('sha256').update(publicKey).digest().subarray(0, 16),
      algorithm: ed25519Algorithm,
      commonName: Buffer.from(publicKey).toString('hex'),
      validity,
      spki: ed25519Spki(publicKey),
      extensions,
    },
    (toBeSigned) => sign(null, toBeSigned, privateKey),
  );
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
