/**
 * Contributions across the port: data with functions in it, such as a route of `docs/spec/http.md` 12. A function
 * becomes a number that the other side calls; requests, responses and signals that it takes or gives cross with it,
 * bodies piece by piece as they are read.
 *
 * @module
 */

import { encodeError, reviveError, type WireError } from './errors.ts';

/** The member by which the picture of something that is not data is known. */
const tag = '\u0000alknet';

/** How this side reaches the other. */
export interface PortableCalls {
  functionCall(id: number, args: readonly unknown[]): Promise<unknown>;
  functionOver(lease: readonly number[]): void;
  signalAborted(id: number, reason: WireError): void;
  body(id: number): AsyncIterable<Uint8Array>;
}

/** What is not plain data and not known here; `undefined` leaves it to be refused. */
export interface Extension {
  encode(value: object): unknown;
  decode(picture: unknown): unknown;
}

type Func = (...args: unknown[]) => unknown;

/** What one call of a function holds on to. */
class Lease {
  readonly ids: number[] = [];
  readonly undo: (() => void)[] = [];
}

export class Portables {
  readonly #calls: PortableCalls;
  readonly #extension: Extension | undefined;
  readonly #functions = new Map<number, Func>();
  readonly #numbers = new WeakMap<Func, number>();
  readonly #bodies = new Map<number, ReadableStream<Uint8Array>>();
  readonly #signals = new Map<number, AbortController>();
  #ids = 0;

  constructor(calls: PortableCalls, extension?: Extension) {
    this.#calls = calls;
    this.#extension = extension;
  }

  /** @throws TypeError that names what cannot cross */
  encode(value: unknown): unknown {
    return this.#encode(value, new Lease());
  }

  decode(picture: unknown): unknown {
    return this.#decode(picture, new Lease());
  }

  /** Functions that are no part of a value that was replaced by another. */
  keepOnly(functions: ReadonlySet<unknown>): void {
    for (const [id, known] of this.#functions) if (!functions.has(known)) this.#functions.delete(id);
  }

  // ── served ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async call(id: number, args: readonly unknown[]): Promise<unknown> {
    const run = this.#functions.get(id);
    if (run === undefined) throw new Error('the function is there no more');
    const result = await run(...args.map((arg) => this.decode(arg)));
    return this.encode(result);
  }

  /** The other side's call is over, with all that it lent. */
  over(lease: readonly number[]): void {
    for (const id of lease) this.#signals.delete(id);
  }

  aborted(id: number, reason: WireError): void {
    this.#signals.get(id)?.abort(reviveError(reason));
  }

  /** Leaving it cancels the body, read or not. */
  body(id: number): AsyncIterable<Uint8Array> {
    const reader = this.#bodies.get(id)?.getReader();
    this.#bodies.delete(id);
    const done = { done: true, value: undefined } as const;
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const step = await reader?.read();
          if (step === undefined || step.done) return done;
          // A view would drag its whole pool along.
          return { done: false, value: new Uint8Array(step.value) };
        },
        return: async () => {
          await reader?.cancel();
          return done;
        },
      }),
    };
  }

  // ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #encode(value: unknown, lease: Lease): unknown {
    if (typeof value === 'function') return { [tag]: 'function', id: this.#number(value as Func) };
    if (typeof value === 'symbol') throw new TypeError('a symbol cannot leave its thread');
    if (typeof value !== 'object' || value === null) return value;
    const special = this.#encodeSpecial(value, lease);
    if (special !== undefined) return special;
    if (Array.isArray(value)) return value.map((item) => this.#encode(item, lease));
    if (isPlain(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, this.#encode(member, lease)]),
      );
    }
    if (ArrayBuffer.isView(value) || cloned.some((Class) => value instanceof Class)) return value;
    throw new TypeError(`an object of class ${value.constructor?.name} cannot leave its thread`);
  }

  #encodeSpecial(value: object, lease: Lease): unknown {
    if (value instanceof Request)
      return {
        [tag]: 'request',
        ...this.#message(value, lease),
        url: value.url,
        method: value.method,
        signal: this.#signal(value.signal, lease),
      };
    if (value instanceof Response)
      return {
        [tag]: 'response',
        ...this.#message(value, lease),
        status: value.status,
        statusText: value.statusText,
      };
    if (value instanceof Headers) return { [tag]: 'headers', headers: [...value] };
    if (value instanceof URL) return { [tag]: 'url', url: value.href };
    if (value instanceof AbortSignal) return { [tag]: 'signal', id: this.#signal(value, lease) };
    if (value instanceof ReadableStream) return { [tag]: 'stream', id: this.#body(value, lease) };
    if (value instanceof Error) return { [tag]: 'error', error: encodeError(value) };
    const extended = this.#extension?.encode(value);
    return extended === undefined ? undefined : { [tag]: 'extended', picture: extended };
  }

  #decode(picture: unknown, lease: Lease): unknown {
    if (typeof picture !== 'object' || picture === null) return picture;
    if (Array.isArray(picture)) return picture.map((item) => this.#decode(item, lease));
    if (!isPlain(picture)) return picture;
    if (Object.hasOwn(picture, tag)) return this.#decodeSpecial(picture as unknown as Special);
    return Object.fromEntries(
      Object.entries(picture).map(([key, member]) => [key, this.#decode(member, lease)]),
    );
  }

  #decodeSpecial(picture: Special): unknown {
    switch (picture[tag]) {
      case 'function':
        return this.#proxy(picture.id);
      case 'signal':
        return this.#controller(picture.id).signal;
      case 'stream':
        return this.#stream(picture.id);
      case 'headers':
        return new Headers(picture.headers);
      case 'url':
        return new URL(picture.url);
      case 'error':
        return reviveError(picture.error);
      case 'request': {
        const { url, method, headers, body, signal } = picture;
        const init = { method, headers, signal: this.#controller(signal).signal };
        return body === undefined
          ? new Request(url, init)
          : new Request(url, { ...init, body: this.#stream(body), duplex: 'half' });
      }
      case 'response': {
        const { status, statusText, headers, body } = picture;
        return new Response(body === undefined ? null : this.#stream(body), { status, statusText, headers });
      }
      case 'extended':
        return this.#extension?.decode(picture.picture);
    }
  }

  #message({ headers, body }: Request | Response, lease: Lease) {
    return { headers: [...headers], ...(body === null ? {} : { body: this.#body(body, lease) }) };
  }

  // ── functions ──────────────────────────────────────────────────────────────────────────────────────────────────

  #number(run: Func): number {
    let id = this.#numbers.get(run);
    if (id === undefined) {
      id = ++this.#ids;
      this.#numbers.set(run, id);
    }
    this.#functions.set(id, run);
    return id;
  }

  #proxy(id: number): Func {
    return async (...args) => {
      const lease = new Lease();
      const release = () => {
        for (const step of lease.undo) step();
        if (lease.ids.length > 0) this.#calls.functionOver(lease.ids);
      };
      try {
        const encoded = args.map((arg) => this.#encode(arg, lease));
        const result = this.decode(await this.#calls.functionCall(id, encoded));
        if (!(result instanceof Response) || result.body === null) {
          release();
          return result;
        }
        // What the call was lent is needed until its answer has been read.
        return new Response(followed(result.body, release), result);
      } catch (error) {
        release();
        throw error;
      }
    };
  }

  // ── signals and bodies ─────────────────────────────────────────────────────────────────────────────────────────

  #signal(signal: AbortSignal, lease: Lease): number {
    const id = ++this.#ids;
    const abort = () => this.#calls.signalAborted(id, encodeError(signal.reason));
    // The picture itself leaves first.
    if (signal.aborted) queueMicrotask(abort);
    else signal.addEventListener('abort', abort, { once: true });
    lease.ids.push(id);
    lease.undo.push(() => signal.removeEventListener('abort', abort));
    return id;
  }

  #controller(id: number): AbortController {
    let controller = this.#signals.get(id);
    if (controller === undefined) {
      controller = new AbortController();
      this.#signals.set(id, controller);
    }
    return controller;
  }

  #body(body: ReadableStream<Uint8Array>, lease: Lease): number {
    const id = ++this.#ids;
    this.#bodies.set(id, body);
    lease.undo.push(() => this.#bodies.delete(id));
    return id;
  }

  #stream(id: number): ReadableStream<Uint8Array> {
    let chunks: AsyncIterator<Uint8Array> | undefined;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          chunks ??= this.#calls.body(id)[Symbol.asyncIterator]();
          const step = await chunks.next();
          if (step.done === true) controller.close();
          else controller.enqueue(step.value);
        },
        cancel: async () => {
          chunks ??= this.#calls.body(id)[Symbol.asyncIterator]();
          await chunks.return?.();
        },
      },
      // Nothing is read ahead of its reader.
      { highWaterMark: 0 },
    );
  }
}

type Special =
  | { readonly [tag]: 'function' | 'signal' | 'stream'; readonly id: number }
  | { readonly [tag]: 'headers'; readonly headers: [string, string][] }
  | { readonly [tag]: 'url'; readonly url: string }
  | { readonly [tag]: 'error'; readonly error: WireError }
  | { readonly [tag]: 'extended'; readonly picture: unknown }
  | {
      readonly [tag]: 'request';
      readonly url: string;
      readonly method: string;
      readonly headers: [string, string][];
      readonly body?: number;
      readonly signal: number;
    }
  | {
      readonly [tag]: 'response';
      readonly status: number;
      readonly statusText: string;
      readonly headers: [string, string][];
      readonly body?: number;
    };

const cloned = [Date, RegExp, Map, Set, ArrayBuffer];

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function followed(body: ReadableStream<Uint8Array>, over: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          over();
          controller.close();
        } catch (error) {
          over();
          throw error;
        }
      },
      cancel: async (reason) => {
        over();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
