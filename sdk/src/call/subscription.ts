/**
 * A subscription as its consumer sees it: an async iterable that can be iterated once. `docs/spec/call.md` 7.2.
 *
 * @module
 */

import { CallError } from '../errors.ts';

export interface SubscriptionSource {
  /** The consumer has taken a value, `size` bytes of a frame. */
  consumed(size: number): void;
  /** The consumer has left before the end. */
  left(): void;
}

type Result = IteratorResult<unknown, undefined>;
const done: Result = { done: true, value: undefined };

export class Subscription implements AsyncIterableIterator<unknown, undefined, undefined> {
  readonly #source: SubscriptionSource;
  readonly #values: { readonly value: unknown; readonly size: number }[] = [];
  readonly #waiting: { resolve(result: Result): void; reject(error: unknown): void }[] = [];
  #bytes = 0;
  #end: { readonly error: CallError | undefined } | undefined;
  #iterated = false;

  constructor(source: SubscriptionSource) {
    this.#source = source;
  }

  /** Values and bytes that wait for the consumer. */
  get waiting(): { readonly values: number; readonly bytes: number } {
    return { values: this.#values.length, bytes: this.#bytes };
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  // ── from the session ───────────────────────────────────────────────────────────────────────────────────────────

  deliver(value: unknown, size: number): void {
    if (this.#end !== undefined) return;
    const taker = this.#waiting.shift();
    if (taker === undefined) {
      this.#values.push({ value, size });
      this.#bytes += size;
      return;
    }
    taker.resolve({ done: false, value });
    this.#source.consumed(size);
  }

  /** Values that arrived before the end are yielded first. */
  end(error?: CallError): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const taker of this.#waiting.splice(0)) {
      if (error === undefined) taker.resolve(done);
      else taker.reject(error);
    }
  }

  // ── to the consumer ────────────────────────────────────────────────────────────────────────────────────────────

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw new CallError('INTERNAL', 'a subscription can be iterated once');
    this.#iterated = true;
    return this;
  }

  next(): Promise<Result> {
    const next = this.#values.shift();
    if (next !== undefined) {
      this.#bytes -= next.size;
      this.#source.consumed(next.size);
      return Promise.resolve({ done: false, value: next.value });
    }
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (end.error === undefined) return Promise.resolve(done);
    // An iterator throws once and is done.
    this.#end = { error: undefined };
    return Promise.reject(end.error);
  }

  async return(): Promise<Result> {
    this.#values.length = 0;
    this.#bytes = 0;
    if (this.#end === undefined) {
      this.end();
      this.#source.left();
    }
    return done;
  }
}
