/**
 * QUIC behind the engine interface, on the native binding of quiche. No type of it is seen beyond this folder.
 *
 * @module
 */

import type { Transport } from '../engine.ts';
import { dialQuic } from './dial.ts';
import { QuicListener } from './listener.ts';
import type { QuicSocket } from './socket.ts';

export function quicTransport(): Transport {
  const sockets = new Set<QuicSocket>();
  return {
    kind: 'quic',
    listen: (options) => new QuicListener(options).bind(),
    dial: (options) => dialQuic(options, sockets),
    close: async () => {
      // Connections that were closed in this turn send their close in the next one.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      await Promise.all([...sockets].map((socket) => socket.close()));
      sockets.clear();
    },
  };
}
