/** What a TLS handshake proves about a certificate, without the TLS. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Certificate } from '../../../src/endpoint/engine.ts';

/** The chain as DER, leaf first. @throws when the key is not that of the leaf */
export function provenChain({ cert, key }: Certificate): Uint8Array[] {
  const blocks = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const [leaf, ...rest] = blocks.map((block) => new X509Certificate(block));
  if (leaf === undefined || !leaf.checkPrivateKey(createPrivateKey(key)))
    throw new Error('the private key is not that of the certificate');
  return [leaf, ...rest].map(({ raw }) => raw);
}
