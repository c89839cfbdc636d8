/**
 * How every TLS session of this node is set up, whichever side it takes. `docs/spec/identity.md` 8 and 9,
 * `docs/spec/endpoint.md` 7.
 *
 * @module
 */

import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Certificate } from '../engine.ts';
import { signatureSchemes } from '../signature-schemes.ts';

const common: SecureContextOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  sigalgs: signatureSchemes,
  // Resumption is allowed, not owed (`docs/spec/identity.md` 8). Without tickets every handshake proves its key anew, so
  // that nothing of a removed peer outlives it, and 0-RTT has no session to ride on.
  secureOptions: constants.SSL_OP_NO_TICKET,
};

/** Of TLS 1.2 alone; `node:crypto` has no name for this option of OpenSSL (ssl.h). */
const noRenegotiation = 0x40000000;

/** Contexts are dear to make (a key is parsed) and a certificate is shown thousands of times. */
const contexts = new WeakMap<Certificate, Map<string, SecureContext>>();
let anonymous: SecureContext | undefined;

export function secureContext(
  certificate: Certificate | null,
  minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
): SecureContext {
  if (certificate === null) {
    anonymous ??= createSecureContext(common);
    return anonymous;
  }
  const ofVersion = contexts.get(certificate) ?? new Map<string, SecureContext>();
  contexts.set(certificate, ofVersion);
  const known = ofVersion.get(minVersion);
  if (known !== undefined) return known;
  const made = createSecureContext({
    ...common,
    minVersion,
    secureOptions: constants.SSL_OP_NO_TICKET | noRenegotiation,
    cert: certificate.cert,
    key: certificate.key,
  });
  ofVersion.set(minVersion, made);
  return made;
}

/** Bytes buffered in each direction of a stream. `docs/spec/endpoint.md` 4. */
export const highWaterMark = 65_536;

/** Options of every TCP socket. Keep-alive finds a vanished peer (`docs/spec/endpoint.md` 14). */
export const socketOptions = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const;
