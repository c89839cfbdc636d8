/**
 * The requests that a session sends: ids, deadlines, streams, answers. `docs/spec/call.md` 5 and 7 to 9.
 *
 * @module
 */

import { CallError, StreamCode } from '../errors.ts';
import type { CallLimits } from '../plugin.ts';
import { byteLength, fits } from '../text.ts';
import { ById } from './by-id.ts';
import { type Deadline, deadline } from './deadlines.ts';
import { type Envelope, envelopeText, isObject, toCallError, valueText } from './envelope.ts';
import type { EnvelopeStream } from './envelope-stream.ts';
import {
  abortGrace,
  maxOutstanding,
  maxSharedFrame,
  maxTimeout,
  maxUnconsumed,
  readAheadBytes,
  readAheadValues,
  windowSize,
} from './limits.ts';
import { abortedHere, PendingCall } from './pending-call.ts';
import { RecentAnswers } from './recent-answers.ts';
import { randomId } from './request-id.ts';
import { type CallOptions, type KnownOperation, requestPayload } from './request-text.ts';
import { Subscription } from './subscription.ts';
import { performance } from './time.ts';

/** Where frames go. */
export interface Streams {
  readonly multiplexed: boolean;
  /** The one for small calls, or the only one. `undefined` while it is being opened. */
  readonly shared: EnvelopeStream | undefined;
  openShared(): Promise<EnvelopeStream>;
  /** `signal` ends the wait for stream credit. */
  openOwn(signal: AbortSignal): Promise<EnvelopeStream>;
}

export interface OutgoingOptions {
  readonly streams: Streams;
  readonly limits: Readonly<CallLimits>;
  readonly serving: (id: string) => boolean;
  readonly settled: (stream: EnvelopeStream) => void;
}

const unknownOperation: KnownOperation = {};

export class OutgoingCalls {
  readonly #options: OutgoingOptions;
  readonly #pending = new ById<PendingCall>();
  /** Ids of aborted requests, kept until the answer or the grace. */
  readonly #reserved = new Map<string, { readonly timer: Deadline; readonly stream: EnvelopeStream }>();
  readonly #answered = new RecentAnswers();
  readonly #queue: (() => void)[] = [];
  #subscribed = 0;
  #closed: CallError | undefined;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size - this.#subscribed;
  }

  get subscribed(): number {
    return this.#subscribed;
  }

  get idle(): boolean {
    return this.#pending.size === 0;
  }

  call(name: string, input: unknown, options: CallOptions = {}, known = unknownOperation): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const pending = this.#begin(known, undefined, resolve, reject);
      this.#send(pending, name, input, options, false);
    });
  }

  subscribe(name: string, input: unknown, options: CallOptions = {}, known = unknownOperation): Subscription {
    const subscription = new Subscription({
      consumed: () => this.#consumed(pending),
      left: () => this.#abandon(pending, undefined),
    });
    const pending = this.#begin(
      known,
      subscription,
      () => {},
      (error) => subscription.end(error),
    );
    this.#subscribed++;
    this.#send(pending, name, input, options, true);
    return subscription;
  }

  #begin(
    known: KnownOperation,
    subscription: Subscription | undefined,
    resolve: (output: unknown) => void,
    reject: (error: CallError) => void,
  ): PendingCall {
    let id = randomId();
    while (this.#pending.has(id) || this.#reserved.has(id) || this.#options.serving(id)) id = randomId();
    const pending = new PendingCall(id, known, subscription, resolve, reject);
    this.#pending.add(pending);
    return pending;
  }

  #send(
    pending: PendingCall,
    name: string,
    input: unknown,
    options: CallOptions,
    subscription: boolean,
  ): void {
    if (this.#closed !== undefined) {
      this.#settle(pending, this.#closed);
      return;
    }
    const { signal } = options;
    if (signal?.aborted) {
      this.#settle(pending, abortedHere(signal));
      return;
    }
    const asked = options.timeoutMs;
    if (asked !== undefined && (!Number.isInteger(asked) || asked < 1 || asked > maxTimeout)) {
      this.#settle(
        pending,
        new CallError('INVALID_INPUT', `timeoutMs: expected an integer from 1 to 2^31-1, got ${asked}`),
      );
      return;
    }
    const timeout =
      asked ?? (subscription ? undefined : (pending.known.timeoutMs ?? this.#options.limits.callTimeout));
    if (timeout !== undefined) {
      pending.deadline = deadline(performance.now() + timeout, () =>
        this.#abandon(pending, new CallError('TIMEOUT', 'request timed out')),
      );
    }
    if (signal !== undefined) {
      pending.follow(signal, (error) => this.#abandon(pending, error));
    }
    let inputText: string;
    try {
      inputText = valueText(input, 2);
    } catch (error) {
      const reason = error instanceof RangeError ? 'input too deep' : 'input is not JSON';
      this.#settle(pending, new CallError('INVALID_INPUT', reason));
      return;
    }
    const { streams } = this.#options;
    const large = !fits(inputText, maxSharedFrame);
    pending.own = streams.multiplexed && (subscription || large);
    const payload = requestPayload(
      name,
      inputText,
      options,
      subscription ? (pending.own ? 0 : windowSize) : undefined,
    );
    const text = envelopeText('call.requested', pending.id, payload);
    const { frame } = this.#options.limits;
    if (!fits(text, frame)) {
      const message = `input too large: ${byteLength(text)} bytes, limit ${frame}`;
      this.#settle(pending, new CallError('INVALID_INPUT', message));
      return;
    }
    if (this.#pending.size > maxOutstanding) this.#queue.push(() => this.#route(pending, text));
    else this.#route(pending, text);
  }

  #route(pending: PendingCall, text: string): void {
    if (pending.over) return;
    const { streams } = this.#options;
    const shared = pending.own ? undefined : streams.shared;
    if (shared !== undefined) {
      this.#write(pending, shared, text);
      return;
    }
    const opening = pending.own ? this.#openOwn(pending) : streams.openShared();
    opening.then(
      (stream) => {
        if (!pending.over) this.#write(pending, stream, text);
        else if (pending.own) stream.destroy(StreamCode.CANCELLED, 'stream closed');
      },
      (error: unknown) =>
        this.#settle(pending, this.#closed ?? new CallError('INTERNAL', 'stream closed', { cause: error })),
    );
  }

  #openOwn(pending: PendingCall): Promise<EnvelopeStream> {
    pending.opening = new AbortController();
    return this.#options.streams.openOwn(pending.opening.signal);
  }

  #write(pending: PendingCall, stream: EnvelopeStream, text: string): void {
    const { streams } = this.#options;
    // Of a half-closed single stream no answer can come.
    if (stream.over || stream.readEnded || stream.writeEnded) {
      const reason = streams.multiplexed ? 'stream closed' : 'connection closed';
      this.#settle(pending, this.#closed ?? new CallError('INTERNAL', reason));
      return;
    }
    pending.stream = stream;
    stream.write(text);
  }

  // ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An answer; `false`: its consumer has enough for now, stop reading its stream. */
  answer({ type, id, payload }: Envelope, size: number): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      this.#late(type, id);
      return true;
    }
    switch (type) {
      case 'call.responded':
        return this.#responded(pending, isObject(payload) ? (payload['output'] ?? null) : null, size);
      case 'call.completed':
        if (pending.subscription === undefined) {
          this.#settle(
            pending,
            new CallError('INVALID_OPERATION_TYPE', 'the subscription completed without a value'),
          );
        } else this.#settle(pending, undefined);
        return true;
      case 'call.error':
        this.#settle(
          pending,
          toCallError(payload, (code) => pending.known.errorCodes?.has(code) === true),
        );
        return true;
      default:
        this.#settle(pending, new CallError('ABORTED', 'aborted by the other side'));
        return true;
    }
  }

  #responded(pending: PendingCall, output: unknown, size: number): boolean {
    const { subscription } = pending;
    if (subscription === undefined) {
      if (pending.stream !== undefined) this.#answered.add(pending.id, pending.stream);
      this.#settle(pending, undefined, output);
      return true;
    }
    const { values, bytes } = subscription.waiting;
    if (pending.own) {
      if (values >= readAheadValues || bytes >= readAheadBytes) return false;
    } else if (bytes > 0 && bytes + size > maxUnconsumed) {
      this.#abandon(pending, new CallError('INTERNAL', 'subscriber too slow'));
      return true;
    }
    subscription.deliver(output, size);
    return true;
  }

  #consumed(pending: PendingCall): void {
    const { stream } = pending;
    if (stream === undefined || pending.over) return;
    if (pending.own) stream.resume();
    else if (++pending.unacknowledged >= windowSize / 2) {
      stream.write(envelopeText('call.window', pending.id, `{"credit":${pending.unacknowledged}}`));
      pending.unacknowledged = 0;
    }
  }

  /** Frames of a request that is over here. */
  #late(type: string, id: string): void {
    if (type === 'call.responded') {
      // A call of a subscription has its answer in the first value; the rest is told to stop with the second.
      const stream = this.#answered.take(id);
      if (stream === undefined || stream.over) return;
      // Of its own, and half-closed with the first value: a reset says the same (`docs/spec/call.md` 5).
      if (stream.writeEnded) stream.destroy(StreamCode.CANCELLED, 'stream closed');
      else {
        this.#reserve(id, stream);
        stream.write(envelopeText('call.aborted', id, '{}'));
      }
      return;
    }
    this.#reserved.get(id)?.timer.cancel();
    this.#reserved.delete(id);
  }

  // ── the end of a request ───────────────────────────────────────────────────────────────────────────────────────

  /** Ends a request here and tells the other side. */
  #abandon(pending: PendingCall, error: CallError | undefined): void {
    if (pending.over) return;
    const { stream, id } = pending;
    if (stream !== undefined && !stream.over) {
      this.#reserve(id, stream);
      stream.write(envelopeText('call.aborted', id, '{}'));
    }
    this.#settle(pending, error);
  }

  #reserve(id: string, stream: EnvelopeStream): void {
    const timer = deadline(performance.now() + abortGrace, () => this.#reserved.delete(id));
    this.#reserved.set(id, { timer, stream });
  }

  #settle(pending: PendingCall, error: CallError | undefined, output?: unknown): void {
    if (pending.over) return;
    pending.release();
    this.#pending.delete(pending);
    if (pending.subscription !== undefined) {
      this.#subscribed--;
      pending.subscription.end(error);
    } else if (error === undefined) pending.resolve(output);
    else pending.reject(error);
    this.#queue.shift()?.();
    const { stream } = pending;
    if (stream === undefined) {
      pending.opening?.abort(error);
      return;
    }
    if (pending.own && !stream.over) {
      stream.end();
      // What may still come on it is nobody's; reading on lets the stream end.
      stream.resume();
    }
    this.#options.settled(stream);
  }

  /** The peer ended or lost a stream: no answer will come on it. */
  lost(stream: EnvelopeStream, reason: string, cause?: Error): void {
    for (const pending of this.#pending.values()) {
      if (pending.stream === stream) this.#settle(pending, new CallError('INTERNAL', reason, { cause }));
    }
    for (const [id, reserved] of this.#reserved) {
      if (reserved.stream !== stream) continue;
      reserved.timer.cancel();
      this.#reserved.delete(id);
    }
  }

  /** Requests that wait for an answer on a stream. */
  open(stream: EnvelopeStream): boolean {
    return this.#pending.values().some((pending) => pending.stream === stream);
  }

  /** The connection is over. */
  close(error: CallError): void {
    this.#closed = error;
    this.#queue.length = 0;
    for (const pending of this.#pending.values()) this.#settle(pending, error);
    for (const { timer } of this.#reserved.values()) timer.cancel();
    this.#reserved.clear();
    this.#answered.clear();
  }
}
