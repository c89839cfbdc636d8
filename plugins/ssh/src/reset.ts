/** @module */

import type { Socket } from 'node:net';

/** Ends a socket so that the other side sees a failure and no end, where that can be told: a Unix socket has no reset. */
export function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
