/**
 * A browser's WebSocket as the one stream of a session. `docs/spec/http.md` 15.
 *
 * @module
 */

import type { MessageSocket } from '../call/message-transport.ts';
import { timer } from '../call/time.ts';
import { StreamCode } from '../errors.ts';

/** As much of the standard's WebSocket as is used here; those of browsers, of Node.js 22 and of the package `ws` fit. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Milliseconds between two looks at what waits to be sent: a WebSocket of a browser does not tell. */
const lookAgain = 20;

const encoder = new TextEncoder();

/** Pages may close with 1000 and with codes from 4000 on; these are the node's 1002 and 1009 in that range. */
const closeCodes: ReadonlyMap<number, number> = new Map([
  [StreamCode.BAD_FRAME, 4002],
  [StreamCode.FRAME_TOO_LARGE, 4009],
]);

export function messageSocket(socket: WebSocketLike, flushed: () => void): MessageSocket {
  let looking = false;
  const lookLater = () => {
    if (looking) return;
    looking = true;
    timer(look, lookAgain);
  };
  const look = () => {
    looking = false;
    flushed();
    if (socket.bufferedAmount > 0) lookLater();
  };
  return {
    get unsent() {
      return socket.bufferedAmount;
    },
    send: (text) => {
      socket.send(encoder.encode(text));
      lookLater();
    },
    close: (code, reason) => socket.close(closeCodes.get(code) ?? 1000, reason.slice(0, 40)),
  };
}
