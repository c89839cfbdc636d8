/**
 * Answers to a datagram that leave nothing behind: version negotiation, Retry, and a refusal in the clear. Each is
 * smaller than the datagram that may cause it, which has at least 1200 bytes. `docs/spec/endpoint.md` 6.2. Pure.
 *
 * @module
 */

import { quiche } from '@matrixai/quic/native/index.js';
import { initialKeys, sealInitial } from './initial.ts';
import { type LongHeader, minimumInitialDatagram, varint } from './packet.ts';

/** RFC 9000 17.2.1; the client's ids change places. */
export function versionNegotiation({ source, destination }: LongHeader): Uint8Array {
  const out = Buffer.alloc(minimumInitialDatagram);
  return out.subarray(0, quiche.negotiateVersion(source, destination, out));
}

/** RFC 9000 17.2.5: the client shall come again, to the id `chosen`, with `token`. */
export function retry(
  { source, destination, version }: LongHeader,
  chosen: Uint8Array,
  token: Uint8Array,
): Uint8Array {
  const out = Buffer.alloc(minimumInitialDatagram);
  return out.subarray(0, quiche.retry(source, destination, chosen, token, version, out));
}

/** An Initial with CONNECTION_CLOSE and a transport error `code`, below 2^30. */
export function refusal({ source, destination }: LongHeader, code: number): Uint8Array {
  // Frame 0x1c: error code, frame type 0, empty reason; the rest is PADDING.
  const frames = Buffer.alloc(32);
  frames.set([0x1c, ...varint(code), 0, 0]);
  return sealInitial(source, destination, frames, initialKeys(destination, 'server'));
}
