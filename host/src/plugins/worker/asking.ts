/**
 * What this side asks of the other: requests and iterations, each with its number until it is settled. `link.ts` hands in
 * what is answered.
 *
 * @module
 */

import { encodeError } from './errors.ts';
import { Kind, type Post } from './message.ts';
import type { Arguments } from './serving.ts';

export type Result<Methods, Name extends keyof Methods> = Methods[Name] extends (
  ...args: never[]
) => infer Value
  ? Awaited<Value>
  : never;
export type Item<Methods, Name extends keyof Methods> = Methods[Name] extends (
  ...args: never[]
) => AsyncIterable<infer Value>
  ? Value
  : never;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** Buffers of the arguments that are handed over. */
  readonly transfer?: readonly ArrayBuffer[];
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** Marks a finished iteration among its values. */
const finished = Symbol('finished');

export class Asking<Remote extends object> {
  readonly #post: Post;
  readonly #pending = new Map<number, Pending>();
  #ids = 0;
  #over: { readonly reason: unknown } | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  call<Name extends keyof Remote & string>(
    method: Name,
    args: Arguments<Remote, Name>,
    { signal, transfer }: AskOptions = {},
  ): Promise<Result<Remote, Name>> {
    const id = ++this.#ids;
    const answer = this.#expect(id, signal);
    this.#post([Kind.call, id, method, args], transfer);
    const settled = signal === undefined ? answer : answer.finally(this.#tellAbort(id, signal));
    // Only the other end of this class answers, and by the same table of methods.
    return settled as Promise<Result<Remote, Name>>;
  }

  /** Begins at once; each value is made when it is asked for. */
  iterate<Name extends keyof Remote & string>(
    method: Name,
    args: Arguments<Remote, Name>,
    options: AskOptions = {},
  ): AsyncGenerator<Item<Remote, Name>, void, undefined> {
    const id = ++this.#ids;
    this.#post([Kind.open, id, method, args]);
    const values = this.#values(id, options) as AsyncGenerator<Item<Remote, Name>, void, undefined>;
    let begun = false;
    const leave = values.return.bind(values);
    const next = values.next.bind(values);
    values.next = () => {
      begun = true;
      return next();
    };
    values.return = () => {
      // What has not begun runs no `finally`.
      if (!begun) this.#post([Kind.leave, id]);
      begun = true;
      return leave();
    };
    return values;
  }

  /** The other side has an answer, or a failure. */
  settle(id: number, value: unknown, ...failure: [] | [unknown]): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (failure.length === 0) pending.resolve(value);
    else pending.reject(failure[0]);
  }

  /** An iteration has no more values. */
  done(id: number): void {
    this.settle(id, finished);
  }

  /** It failed with what its own signal was aborted with. */
  failWithReason(id: number): void {
    this.settle(id, undefined, this.#pending.get(id)?.signal?.reason);
  }

  /** What waits for an answer fails with the reason, and so does all that is asked later. */
  end(reason: unknown): void {
    this.#over = { reason };
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }

  async *#values(id: number, { signal }: AskOptions): AsyncGenerator<unknown, void, undefined> {
    let open = true;
    const unlisten = signal === undefined ? undefined : this.#tellAbort(id, signal);
    try {
      for (;;) {
        const answer = this.#expect(id, signal);
        this.#post([Kind.next, id]);
        const value = await answer.catch((error: unknown) => {
          open = false;
          throw error;
        });
        if (value === finished) {
          open = false;
          return;
        }
        yield value;
      }
    } finally {
      unlisten?.();
      if (open) this.#post([Kind.leave, id]);
    }
  }

  #expect(id: number, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#over !== undefined) return Promise.reject(this.#over.reason);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, signal });
    });
  }

  /** The request has been posted: an abort follows it. */
  #tellAbort(id: number, signal: AbortSignal): () => void {
    const abort = () => this.#post([Kind.abort, id, encodeError(signal.reason)]);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  }
}
