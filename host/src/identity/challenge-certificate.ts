/**
 * What an ACME server is shown to prove that a name is served here (RFC 8737 3). Pure but for the key.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import type { Certificate } from '../endpoint/engine.ts';
import { octetString, sequence } from './der.ts';
import { dnsName, selfSigned } from './self-signed.ts';
import { extension } from './x509.ts';

const day = 24 * 60 * 60 * 1000;

/**
 * @param name - the one dNSName of the certificate, in lower case
 * @param keyAuthorization - of RFC 8555 8.1: token, dot, thumbprint of the account key
 */
export function challengeCertificate(name: string, keyAuthorization: string): Certificate {
  const now = Date.now();
  const digest = createHash('sha256').update(keyAuthorization).digest();
  return selfSigned({
    commonName: 'alknet acme challenge',
    notBefore: new Date(now - day),
    notAfter: new Date(now + 7 * day),
    extensions: [
      extension('2.5.29.17', false, sequence(dnsName(name))),
      // acmeIdentifier, which must be critical.
      extension('1.3.6.1.5.5.7.1.31', true, octetString(digest)),
    ],
  });
}
