/**
 * Transport errors that are part of the contract (`docs/spec/endpoint.md` 12), and what they say about a handshake.
 *
 * @module
 */

import type { HandshakeFailure } from '../engine.ts';

/** RFC 9000 20.1. */
export const internalError = 0x01;
export const connectionRefused = 0x02;
/** RFC 9001 4.8: the alert no_application_protocol. */
export const noApplicationProtocol = 0x178;

/** RFC 9001 4.8: alerts about certificates and signatures. */
const aboutCertificates = new Set([0x174, 0x12a, 0x12b, 0x133]);

export function handshakeFailure(code: number): HandshakeFailure {
  if (code === noApplicationProtocol) return 'alpn';
  if (aboutCertificates.has(code)) return 'certificate';
  return code >= 0x100 && code <= 0x1ff ? 'tls' : 'transport';
}
