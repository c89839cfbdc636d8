/**
 * One end of the port between the node and a plugin's thread: requests, iterations and notices in both directions, and
 * the frames of streams. All that one turn has to say leaves as one message, since a message costs more than what is in
 * it. Both ends are this class.
 *
 * @module
 */

import type { MessagePort } from 'node:worker_threads';
import { encodeError, reviveError, type WireError } from './errors.ts';
import { type Blocking, Kind, type Message } from './message.ts';
import { type Arguments, type Served, Serving } from './serving.ts';
import type { StreamEnd, StreamPort } from './streams.ts';

type Result<Methods, Name extends keyof Methods> = Methods[Name] extends (...args: never[]) => infer Value
  ? Awaited<Value>
  : never;
type Item<Methods, Name extends keyof Methods> = Methods[Name] extends (
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

const emptyList: readonly ArrayBuffer[] = [];
/** Bytes from which handing a buffer over is cheaper than copying it once more. */
const worthTransfer = 4096;

export class Link<Local extends object, Remote extends object> implements StreamPort {
  readonly streams = new Map<number, StreamEnd>();
  /** Told of a message that this class never sends. */
  onNonsense: (error: unknown) => void = () => {};
  readonly #port: MessagePort;
  readonly #blocking: Blocking;
  readonly #serving: Serving<Local>;
  readonly #pending = new Map<number, Pending>();
  #batch: Message[] = [];
  #transfer: ArrayBuffer[] = [];
  #scheduled = false;
  #ids = 0;
  #over: { readonly reason: unknown } | undefined;

  constructor(port: MessagePort, blocking: Blocking) {
    this.#port = port;
    this.#blocking = blocking;
    this.#serving = new Serving((message, transfer) => this.#post(message, transfer), blocking);
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
    this.#serving.serve(served);
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
    this.#serving.end(reason);
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
        return this.#serving.call(id, second as keyof Local, third as never);
      case Kind.ok:
        return this.#settle(id, second);
      case Kind.done:
        return this.#settle(id, finished);
      case Kind.fail:
        return this.#settle(id, undefined, reviveError(second as WireError));
      case Kind.failReason:
        return this.#settle(id, undefined, this.#pending.get(id)?.signal?.reason);
      case Kind.abort:
        return this.#serving.abort(id, reviveError(second as WireError));
      case Kind.tell:
        return this.#serving.tell(first as keyof Local, second as never);
      case Kind.open:
        return this.#serving.open(id, second as keyof Local, third as never);
      case Kind.next:
        return void this.#serving.next(id);
      case Kind.leave:
        return this.#serving.leave(id);
      case Kind.sync:
        return this.#serving.answerSync(first as keyof Local, second as never);
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
}

function transferOf(bytes: unknown): ArrayBuffer[] {
  return bytes instanceof Uint8Array && bytes.length >= worthTransfer ? [bytes.buffer as ArrayBuffer] : [];
}
