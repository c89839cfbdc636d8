/**
 * What answers the requests that a session receives: the registry of a node, or the operations that a client offers.
 *
 * @module
 */

import type { CallerConnection } from '../context.ts';
import type { CallError } from '../errors.ts';
import type { ForwardedFor } from '../identity.ts';

/** One `call.requested`, as it came. `docs/spec/call.md` 4. */
export interface IncomingCall {
  readonly id: string;
  /** One leading slash removed. */
  readonly name: string;
  readonly input: unknown;
  readonly authToken: string | undefined;
  readonly forwardedFor: ForwardedFor | null;
  /** As it came: well-formedness is looked at after access (`docs/spec/call.md` 6). */
  readonly timeoutMs: unknown;
  /** As it came; its presence says that the caller consumes a subscription. */
  readonly window: unknown;
  readonly hops: number;
  /** `performance.now()` when the frame had been read; deadlines count from here. */
  readonly receivedAt: number;
  /** Aborted by the session: abort frame, stream or connection lost. The reason is a CallError. */
  readonly signal: AbortSignal;
  /** The same without an AbortSignal, which costs more than a whole small call; called at once if it has happened. */
  onAbort(listener: (reason: CallError) => void): void;
  readonly connection: CallerConnection | null;
}

/**
 * The answer to one call.
 *
 * `settled` resolves, and never rejects, when the handler itself is over; that may be later than the answer, which an
 * abort or a deadline gives at once.
 */
export type Answer =
  | { readonly kind: 'value'; readonly output: Promise<unknown>; readonly settled: Promise<void> }
  | {
      readonly kind: 'stream';
      readonly values: AsyncIterator<unknown, void, undefined>;
      readonly settled: Promise<void>;
    };

export interface Server {
  /**
   * Milliseconds after `receivedAt` at which a request of that name that is still held for a slot times out;
   * `undefined` for never.
   */
  timeout(name: string, timeoutMs: unknown): number | undefined;

  /**
   * Steps 2 to 10 of `docs/spec/call.md` 6. Refusals are thrown, or reject `output`, as CallErrors that may be sent as
   * they are; nothing else is ever thrown. The deadline is the server's to keep: it answers `TIMEOUT`.
   */
  serve(call: IncomingCall): Answer;
}
