/**
 * One end of the port between the node and a plugin's thread: requests, iterations and notices in both directions, and
 * the frames of streams. All that one turn has to say leaves as one message, since a message costs more than what is in
 * it. Both ends are this class.
 *
 * @module
 */

import type { MessagePort } from 'node:worker_threads';
import { encodeError, reviveError, type WireError } from './errors.ts';
import type { StreamEnd, StreamPort } from './streams.ts';

/** What a served method knows of the request beside its arguments. */
export interface Scope {
  /** Aborted by the requester, or when the port is over. */
  readonly signal: AbortSignal;
}

type Arguments<Methods, Name extends keyof Methods> = Methods[Name] extends (...args: infer Args) => unknown
  ? Args
  : never;
type Result<Methods, Name extends keyof Methods> = Methods[Name] extends (...args: never[]) => infer Value
  ? Awaited<Value>
  : never;
type Item<Methods, Name extends keyof Methods> = Methods[Name] extends (
  ...args: never[]
) => AsyncIterable<infer Value>
  ? Value
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

const Kind = {
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

type Message = readonly [kind: number, ...rest: unknown[]];

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

/** A result whose buffers are handed over, so that no copy stays behind. */
export class HandedOver<Value> {
  readonly value: Value;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: Value, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/** How the thread waits for an answer of the host: that is what makes a look-up synchronous. */
export interface Blocking {
  readonly port: MessagePort;
  /** Element 0 becomes 1 when the answer is there. */
  readonly flags: Int32Array<SharedArrayBuffer>;
  receive(): unknown;
}

/** Marks a finished iteration among its values. */
const finished = Symbol('finished');

const emptyList: readonly ArrayBuffer[] = [];
/** Bytes from which handing a buffer over is cheaper than copying it once more. */
const worthTransfer = 4096;

export class Link<Local extends object, Remote extends object> implements StreamPort {
  readonly streams = new Map<number, StreamEnd>();
  /** Told of a message that this class never sends. */
  onNonsense: (error: unknown) => void = () => {};
  readonly #port: MessagePort;
  readonly #blocking: Blocking;
  #served: Partial<Served<Local>> = {};
  readonly #pending = new Map<number, Pending>();
  readonly #incoming = new Map<number, Incoming>();
  #batch: Message[] = [];
  #transfer: ArrayBuffer[] = [];
  #scheduled = false;
  #ids = 0;
  #over: { readonly reason: unknown } | undefined;

  constructor(port: MessagePort, blocking: Blocking) {
    this.#port = port;
    this.#blocking = blocking;
    port.on('message', (batch: readonly Message[]) => {
      for (const message of batch) {
        try {
          this.#receive(message);
        } catch (error) {
          this.onNonsense(error);
        }
      }
    });
  }

  get over(): boolean {
    return this.#over !== undefined;
  }

  /** What the other side may ask for from here on. */
  serve(served: Served<Local>): void {
    this.#served = served;
  }

  // ── asking ─────────────────────────────────────────────────────────────────────────────────────────────────────

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

  /** Does not wait, and hears of no failure. */
  tell<Name extends keyof Remote & string>(method: Name, ...args: Arguments<Remote, Name>): void {
    if (this.#over === undefined) this.#post([Kind.tell, method, args]);
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

  /** Blocks the thread until the host has answered. @throws what the method throws */
  callSync<Name extends keyof Remote & string>(
    method: Name,
    ...args: Arguments<Remote, Name>
  ): Result<Remote, Name> {
    const { flags, receive } = this.#blocking;
    Atomics.store(flags, 0, 0);
    this.#post([Kind.sync, method, args]);
    this.flush();
    Atomics.wait(flags, 0, 0);
    const [failed, value] = receive() as [boolean, unknown];
    if (failed) throw reviveError(value as WireError);
    return value as Result<Remote, Name>;
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

  // ── streams ────────────────────────────────────────────────────────────────────────────────────────────────────

  sendData(stream: number, bytes: Uint8Array): void {
    // A copy of its own: a view would drag its whole pool along, and the sender may go on using it.
    const own = new Uint8Array(bytes);
    this.#post([Kind.data, stream, own], own.length >= worthTransfer ? [own.buffer] : emptyList);
  }

  sendCredit(stream: number, bytes: number): void {
    this.#post([Kind.credit, stream, bytes]);
  }

  sendEnd(stream: number): void {
    this.#post([Kind.end, stream]);
  }

  sendFinished(stream: number): void {
    this.#post([Kind.finished, stream]);
  }

  sendDestroy(stream: number, error: WireError | undefined): void {
    this.#post([Kind.destroy, stream, error]);
  }

  // ── the port ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends now what would leave at the end of the turn. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    const transfer = this.#transfer;
    this.#batch = [];
    this.#transfer = [];
    try {
      this.#port.postMessage(batch, transfer);
    } catch {
      this.#postEach(batch);
    }
  }

  /** Nothing comes or goes any more; what waits for an answer fails with the reason. */
  end(reason: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = { reason };
    this.#port.close();
    this.#blocking.port.close();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    for (const incoming of this.#incoming.values()) incoming.end(reason);
    this.#incoming.clear();
    for (const stream of this.streams.values()) stream.over(reason);
    this.streams.clear();
  }

  #post(message: Message, transfer: readonly ArrayBuffer[] = emptyList): void {
    if (this.#over !== undefined) return;
    this.#batch.push(message);
    for (const buffer of transfer) this.#transfer.push(buffer);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Something in the batch cannot be cloned, a function say: that one fails, the others leave. */
  #postEach(batch: readonly Message[]): void {
    for (const message of batch) {
      try {
        const [kind, , bytes] = message;
        this.#port.postMessage([message], kind === Kind.data ? transferOf(bytes) : []);
      } catch (error) {
        this.#unsendable(message, error);
      }
    }
  }

  #unsendable([kind, id]: Message, error: unknown): void {
    const failure = new TypeError(
      `cannot leave its thread: ${error instanceof Error ? error.message : error}`,
    );
    if (kind === Kind.call || kind === Kind.open) this.#settle(id as number, undefined, failure);
    else if (kind === Kind.ok || kind === Kind.fail)
      this.#port.postMessage([[Kind.fail, id, encodeError(failure)]]);
    else if (kind === Kind.sync) throw failure;
  }

  #receive([kind, first, second, third]: Message): void {
    const id = first as number;
    switch (kind) {
      case Kind.call:
        return this.#serve(id, second as keyof Local, third as never);
      case Kind.ok:
        return this.#settle(id, second);
      case Kind.done:
        return this.#settle(id, finished);
      case Kind.fail:
        return this.#settle(id, undefined, reviveError(second as WireError));
      case Kind.failReason:
        return this.#settle(id, undefined, this.#pending.get(id)?.signal?.reason);
      case Kind.abort:
        return this.#incoming.get(id)?.abort(reviveError(second as WireError));
      case Kind.tell:
        return void this.#invoke(first as keyof Local, noScope, second as never);
      case Kind.open:
        return this.#open(id, second as keyof Local, third as never);
      case Kind.next:
        return void this.#next(id);
      case Kind.leave:
        return this.#leave(id);
      case Kind.sync:
        return this.#answerSync(first as keyof Local, second as never);
      case Kind.data:
        return this.streams.get(id)?.data(second as Uint8Array);
      case Kind.credit:
        return this.streams.get(id)?.credit(second as number);
      case Kind.end:
        return this.streams.get(id)?.end();
      case Kind.finished:
        return this.streams.get(id)?.finished();
      case Kind.destroy:
        return this.streams
          .get(id)
          ?.destroy(second === undefined ? undefined : (reviveError(second as WireError) as Error));
      default:
        throw new Error(`a message of the unknown kind ${String(kind)}`);
    }
  }

  #settle(id: number, value: unknown, ...failure: [] | [unknown]): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (failure.length === 0) pending.resolve(value);
    else pending.reject(failure[0]);
  }

  // ── serving ────────────────────────────────────────────────────────────────────────────────────────────────────

  #invoke(method: keyof Local, scope: Scope, args: never): unknown {
    const served = this.#served[method];
    if (typeof served !== 'function') throw new Error(`${String(method)} is not served, or not yet`);
    return Reflect.apply(served, undefined, [scope, ...(args as unknown[])]);
  }

  #serve(id: number, method: keyof Local, args: never): void {
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

  #open(id: number, method: keyof Local, args: never): void {
    const incoming = new Incoming();
    this.#incoming.set(id, incoming);
    try {
      const values = this.#invoke(method, incoming, args) as AsyncIterable<unknown>;
      incoming.values = values[Symbol.asyncIterator]();
    } catch (error) {
      incoming.failed = { error };
    }
  }

  async #next(id: number): Promise<void> {
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

  #leave(id: number): void {
    const incoming = this.#incoming.get(id);
    this.#incoming.delete(id);
    incoming?.leave();
  }

  #fail(id: number, incoming: Incoming | undefined, error: unknown): void {
    const isReason = incoming?.isReason(error) === true;
    this.#post(isReason ? [Kind.failReason, id] : [Kind.fail, id, encodeError(error)]);
  }

  #answerSync(method: keyof Local, args: never): void {
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

function transferOf(bytes: unknown): ArrayBuffer[] {
  return bytes instanceof Uint8Array && bytes.length >= worthTransfer ? [bytes.buffer as ArrayBuffer] : [];
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
