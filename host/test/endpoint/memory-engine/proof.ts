/** What a TLS handshake proves about a certificate, without the TLS. */

import { createPrivateKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto';
import type { Certificate } from '../../../src/endpoint/engine.ts';

/** The chain as DER, leaf first. @throws when the key is not that of the leaf */
export function provenChain({ cert, key }: Certificate): Uint8Array[] {
  const blocks = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const [leaf, ...rest] = blocks.map((block) => new X509Certificate(block));
  // As CertificateVerify (RFC 8446 4.4.3): a signature of the key, checked with what the leaf says of it.
  const challenge = randomBytes(32);
  const hash = leaf?.publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  if (
    leaf === undefined ||
    !verify(hash, challenge, leaf.publicKey, sign(hash, challenge, createPrivateKey(key)))
  )
    throw new Error('the private key is not that of the certificate');
  return [leaf, ...rest].map(({ raw }) => raw);
}
