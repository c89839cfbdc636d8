/**
 * What crosses the port, one element of a batch. `link.ts` and `serving.ts` write and read them.
 *
 * @module
 */

import type { MessagePort } from 'node:worker_threads';

export const Kind = {
  call: 0,
  ok: 1,
  fail: 2,
  /** Failed with the very reason that the requester gave its signal. */
  failReason: 3,
  abort: 4,
  tell: 5,
  open: 6,
  next: 7,
  done: 8,
  leave: 9,
  sync: 10,
  data: 11,
  credit: 12,
  end: 13,
  finished: 14,
  destroy: 15,
} as const;

export type Message = readonly [kind: number, ...rest: unknown[]];

/** Puts a message, with buffers that it hands over, into the batch of this turn. */
export type Post = (message: Message, transfer?: readonly ArrayBuffer[]) => void;

/** How the thread waits for an answer of the host: that is what makes a look-up synchronous. */
export interface Blocking {
  readonly port: MessagePort;
  /** Element 0 becomes 1 when the answer is there. */
  readonly flags: Int32Array<SharedArrayBuffer>;
  receive(): unknown;
}
