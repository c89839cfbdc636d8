/**
 * What the other side asks of this one: requests, iterations and notices, each run by the method that serves it, and
 * answered. `link.ts` hands them in.
 *
 * @module
 */

import { encodeError } from './errors.ts';
import { type Blocking, Kind, type Post } from './message.ts';

/** What a served method knows of the request beside its arguments. */
export interface Scope {
  /** Aborted by the requester, or when the port is over. */
  readonly signal: AbortSignal;
}

export type Arguments<Methods, Name extends keyof Methods> = Methods[Name] extends (
  ...args: infer Args
) => unknown
  ? Args
  : never;
/** An implementation of what the other side may ask for. */
export type Served<Methods> = {
  readonly [Name in keyof Methods]: (
    scope: Scope,
    ...args: Arguments<Methods, Name>
  ) => Methods[Name] extends (...args: never[]) => infer Value
    ? Value | Awaited<Value> | HandedOver<Awaited<Value>>
    : never;
};

/** A result whose buffers are handed over, so that no copy stays behind. */
export class HandedOver<Value> {
  readonly value: Value;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: Value, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

export class Serving<Local extends object> {
  readonly #post: Post;
  readonly #blocking: Blocking;
  #served: Partial<Served<Local>> = {};
  readonly #incoming = new Map<number, Incoming>();

  constructor(post: Post, blocking: Blocking) {
    this.#post = post;
    this.#blocking = blocking;
  }

  /** What the other side may ask for from here on. */
  serve(served: Served<Local>): void {
    this.#served = served;
  }

  tell(method: keyof Local, args: never): void {
    this.#invoke(method, noScope, args);
  }

  abort(id: number, reason: unknown): void {
    this.#incoming.get(id)?.abort(reason);
  }

  /** The port is over: nobody waits for an answer. */
  end(reason: unknown): void {
    for (const incoming of this.#incoming.values()) incoming.end(reason);
    this.#incoming.clear();
  }

  #invoke(method: keyof Local, scope: Scope, args: never): unknown {
    const served = this.#served[method];
    if (typeof served !== 'function') throw new Error(`${String(method)} is not served, or not yet`);
    return Reflect.apply(served, undefined, [scope, ...(args as unknown[])]);
  }

  call(id: number, method: keyof Local, args: never): void {
    const incoming = new Incoming();
    this.#incoming.set(id, incoming);
    let answer: unknown;
    try {
      answer = this.#invoke(method, incoming, args);
    } catch (error) {
      this.#incoming.delete(id);
      return this.#fail(id, incoming, error);
    }
    Promise.resolve(answer).then(
      (value) => {
        this.#incoming.delete(id);
        if (value instanceof HandedOver) this.#post([Kind.ok, id, value.value], value.buffers);
        else this.#post([Kind.ok, id, value]);
      },
      (error: unknown) => {
        this.#incoming.delete(id);
        this.#fail(id, incoming, error);
      },
    );
  }

  open(id: number, method: keyof Local, args: never): void {
    const incoming = new Incoming();
    this.#incoming.set(id, incoming);
    try {
      const values = this.#invoke(method, incoming, args) as AsyncIterable<unknown>;
      incoming.values = values[Symbol.asyncIterator]();
    } catch (error) {
      incoming.failed = { error };
    }
  }

  async next(id: number): Promise<void> {
    const incoming = this.#incoming.get(id);
    try {
      if (incoming?.failed !== undefined) throw incoming.failed.error;
      const step = await incoming?.values?.next();
      if (step !== undefined && step.done !== true) return this.#post([Kind.ok, id, step.value]);
      this.#incoming.delete(id);
      this.#post([Kind.done, id]);
    } catch (error) {
      this.#incoming.delete(id);
      this.#fail(id, incoming, error);
    }
  }

  leave(id: number): void {
    const incoming = this.#incoming.get(id);
    this.#incoming.delete(id);
    incoming?.leave();
  }

  #fail(id: number, incoming: Incoming | undefined, error: unknown): void {
    const isReason = incoming?.isReason(error) === true;
    this.#post(isReason ? [Kind.failReason, id] : [Kind.fail, id, encodeError(error)]);
  }

  answerSync(method: keyof Local, args: never): void {
    const { port, flags } = this.#blocking;
    try {
      const value = this.#invoke(method, noScope, args);
      if (value instanceof HandedOver) port.postMessage([false, value.value], value.buffers);
      else port.postMessage([false, value]);
    } catch (error) {
      port.postMessage([true, encodeError(error)]);
    }
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
  }
}

const noScope: Scope = { signal: new AbortController().signal };

/** A request of the other side that is being served. */
class Incoming implements Scope {
  values: AsyncIterator<unknown> | undefined;
  failed: { readonly error: unknown } | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  // Made when somebody looks.
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  isReason(error: unknown): boolean {
    return this.#aborted !== undefined && this.#aborted.reason === error;
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }

  leave(): void {
    void Promise.resolve(this.values?.return?.()).catch(() => {});
  }

  end(reason: unknown): void {
    this.abort(reason);
    this.leave();
  }
}
