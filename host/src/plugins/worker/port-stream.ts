/**
 * Stands for a stream that the other side of the port has.
 *
 * @module
 */

import { Duplex } from 'node:stream';
import { encodeError } from './errors.ts';
import { Consumed, type StreamEnd, type StreamPort, windowSize } from './streams.ts';

type Done = (error?: Error | null) => void;

/** As that of every stream of the endpoint. */
const highWaterMark = 64 * 1024;

export class PortStream extends Duplex {
  readonly id: number;
  readonly #port: StreamPort;
  readonly #number: number;
  readonly #consumed: Consumed;
  #credit = windowSize;
  #held: { readonly bytes: Uint8Array; readonly done: Done } | undefined;
  #final: Done | undefined;
  /** Pushed beyond what the reader asked for; consumed when it asks again. */
  #unread = 0;
  #endReceived = false;
  /** The other side knows that it is over. */
  #known = false;
  /** Told once, when somebody reads. */
  onRead: (() => void) | undefined;

  /** `number` names it on the port, `id` in its connection. */
  constructor(port: StreamPort, number: number, id: number) {
    super({ allowHalfOpen: true, highWaterMark });
    this.id = id;
    this.#port = port;
    this.#number = number;
    this.#consumed = new Consumed((bytes) => port.sendCredit(number, bytes));
    port.streams.set(number, this.#frames());
    // An error that nobody listens to must not end the process.
    this.on('error', () => {});
  }

  /** Nothing more will come, and all that was written has been taken: only the reader is behind. */
  get complete(): boolean {
    return this.#endReceived && this.writableFinished;
  }

  /** Destroys this side alone: the other one is over. */
  cut(error: Error | undefined): void {
    this.#known = true;
    this.destroy(error);
  }

  override _read(): void {
    this.onRead?.();
    this.onRead = undefined;
    if (this.#unread === 0) return;
    const bytes = this.#unread;
    this.#unread = 0;
    this.#consumed.add(bytes);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#credit > 0) this.#send(chunk, done);
    else this.#held = { bytes: chunk, done };
  }

  override _final(done: Done): void {
    this.#final = done;
    this.#port.sendEnd(this.#number);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#port.streams.delete(this.#number);
    const isComplete = this.readableEnded && this.writableFinished;
    if (!this.#known && !isComplete)
      this.#port.sendDestroy(this.#number, error === null ? undefined : encodeError(error));
    done(error);
  }

  #send(bytes: Uint8Array, done: Done): void {
    this.#credit -= bytes.length;
    this.#port.sendData(this.#number, bytes);
    done();
  }

  #frames(): StreamEnd {
    return {
      data: (bytes) => {
        if (this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)))
          this.#consumed.add(bytes.length);
        else this.#unread += bytes.length;
      },
      credit: (bytes) => {
        this.#credit += bytes;
        const held = this.#held;
        if (held === undefined || this.#credit <= 0) return;
        this.#held = undefined;
        this.#send(held.bytes, held.done);
      },
      end: () => {
        this.#endReceived = true;
        this.push(null);
      },
      finished: () => {
        const final = this.#final;
        this.#final = undefined;
        final?.();
      },
      destroy: (error) => this.cut(error),
      over: (reason) => this.cut(reason instanceof Error ? reason : new Error(String(reason))),
    };
  }
}
