/**
 * One request that waits for its answer.
 *
 * @module
 */

import { CallError } from '../errors.ts';
import type { Deadline } from './deadlines.ts';
import type { EnvelopeStream } from './envelope-stream.ts';
import type { KnownOperation } from './request-text.ts';
import type { Subscription } from './subscription.ts';

export class PendingCall {
  readonly id: string;
  readonly known: KnownOperation;
  readonly subscription: Subscription | undefined;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: CallError) => void;
  stream: EnvelopeStream | undefined;
  /** On a stream that carries nothing else. */
  own = false;
  /** While a stream of its own is being opened. */
  opening: AbortController | undefined;
  /** Values consumed since credit was last given; only on a shared stream. */
  unacknowledged = 0;
  deadline: Deadline | undefined;
  /** Nobody here wants the answer any more. */
  over = false;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;

  constructor(
    id: string,
    known: KnownOperation,
    subscription: Subscription | undefined,
    resolve: (output: unknown) => void,
    reject: (error: CallError) => void,
  ) {
    this.id = id;
    this.known = known;
    this.subscription = subscription;
    this.resolve = resolve;
    this.reject = reject;
  }

  follow(signal: AbortSignal, aborted: (error: CallError) => void): void {
    this.#signal = signal;
    const onAbort = () => aborted(abortedHere(signal));
    this.#onAbort = onAbort;
    signal.addEventListener('abort', onAbort, { once: true });
  }

  /** No deadline and no signal ends it any more. */
  release(): void {
    this.over = true;
    this.deadline?.cancel();
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

export function abortedHere(signal: AbortSignal): CallError {
  const { reason } = signal;
  // A deadline of a composing call travels as the reason.
  return reason instanceof CallError ? reason : new CallError('ABORTED', 'aborted', { cause: reason });
}
