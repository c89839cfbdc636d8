/**
 * Two ends of one byte stream without a socket, with back-pressure, half-close and reset: what an SSH channel or a
 * WebSocket is to a plugin.
 *
 * @example
 * const [near, far] = duplexPair();
 * const connection = connectionFromStream(far, { alpn: 'acme/echo', auth });
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { MemoryStream } from './memory-stream.ts';

export interface DuplexPairOptions {
  /** Default 65536 in each direction. */
  readonly highWaterMark?: number;
}

export function duplexPair({ highWaterMark = 65_536 }: DuplexPairOptions = {}): [Duplex, Duplex] {
  const near = new MemoryStream(0, highWaterMark, true);
  const far = new MemoryStream(0, highWaterMark, true);
  near.join(far);
  far.join(near);
  return [near, far];
}
