/**
 * One end of the port between the node and a plugin's thread: requests, iterations and notices in both directions, and
 * the frames of streams. All that one turn has to say leaves as one message, since a message costs more than what is in
 * it. Both ends are this class.
 *
 * @module
 */

import type { MessagePort } from 'node:worker_threads';
import { Asking, type AskOptions, type Item, type Result } from './asking.ts';
import { encodeError, reviveError, type WireError } from './errors.ts';
import { type Blocking, Kind, type Message, type Post } from './message.ts';
import { type Arguments, type Served, Serving } from './serving.ts';
import type { StreamEnd, StreamPort } from './streams.ts';

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
  readonly #asking: Asking<Remote>;
  #batch: Message[] = [];
  #transfer: ArrayBuffer[] = [];
  #scheduled = false;
  #over = false;

  constructor(port: MessagePort, blocking: Blocking) {
    this.#port = port;
    this.#blocking = blocking;
    const post: Post = (message, transfer) => this.#post(message, transfer);
    this.#serving = new Serving(post, blocking);
    this.#asking = new Asking(post);
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
    return this.#over;
  }

  /** What the other side may ask for from here on. */
  serve(served: Served<Local>): void {
    this.#serving.serve(served);
  }

  // ── asking ─────────────────────────────────────────────────────────────────────────────────────────────────────

  call<Name extends keyof Remote & string>(
    method: Name,
    args: Arguments<Remote, Name>,
    options?: AskOptions,
  ): Promise<Result<Remote, Name>> {
    return this.#asking.call(method, args, options);
  }

  /** Begins at once; each value is made when it is asked for. */
  iterate<Name extends keyof Remote & string>(
    method: Name,
    args: Arguments<Remote, Name>,
    options?: AskOptions,
  ): AsyncGenerator<Item<Remote, Name>, void, undefined> {
    return this.#asking.iterate(method, args, options);
  }

  /** Does not wait, and hears of no failure. */
  tell<Name extends keyof Remote & string>(method: Name, ...args: Arguments<Remote, Name>): void {
    if (!this.#over) this.#post([Kind.tell, method, args]);
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
    if (this.#over) return;
    this.#over = true;
    this.#port.close();
    this.#blocking.port.close();
    this.#asking.end(reason);
    this.#serving.end(reason);
    for (const stream of this.streams.values()) stream.over(reason);
    this.streams.clear();
  }

  #post(message: Message, transfer: readonly ArrayBuffer[] = emptyList): void {
    if (this.#over) return;
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
    if (kind === Kind.call || kind === Kind.open) this.#asking.settle(id as number, undefined, failure);
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
        return this.#asking.settle(id, second);
      case Kind.done:
        return this.#asking.done(id);
      case Kind.fail:
        return this.#asking.settle(id, undefined, reviveError(second as WireError));
      case Kind.failReason:
        return this.#asking.failWithReason(id);
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
}

function transferOf(bytes: unknown): ArrayBuffer[] {
  return bytes instanceof Uint8Array && bytes.length >= worthTransfer ? [bytes.buffer as ArrayBuffer] : [];
}
