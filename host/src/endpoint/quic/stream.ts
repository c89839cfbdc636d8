/**
 * One bidirectional QUIC stream as a Node Duplex: data is taken from quiche only as far as the reader asks, and a write
 * is done when quiche has taken it, so that flow control reaches from one end to the other. `docs/spec/endpoint.md` 4.
 *
 * @module
 */

import { Duplex } from 'node:stream';
import { StreamCode } from '@alknet/sdk/streams';

/** What a stream needs of its connection. */
export interface StreamOwner {
  /** Data is wanted: deliver now or when it comes. */
  pull(stream: QuicStream): void;
  /** Gives pending data, or the end, to quiche before this turn ends, or when there is room. */
  push(stream: QuicStream): void;
  /** Bytes that were read ahead have gone to the reader. */
  tookAhead(bytes: number): void;
  /** Gives directions up that are not over yet. */
  abandon(stream: QuicStream, streamCode: number): void;
}

const highWaterMark = 64 * 1024;

export class QuicStream extends Duplex {
  readonly id: number;
  readonly #owner: StreamOwner;
  /** The reader asks for data. */
  wanted = false;
  /** No data will come any more: end read, or reset. */
  receiveOver = false;
  /** Nothing can be sent any more: end sent, stopped, or given up. */
  sendOver = false;
  /** Reset by either side in at least one direction, rather than ended. */
  cut = false;
  /** Bytes that quiche has not taken yet. */
  pending: Uint8Array | undefined;
  /** Bytes of the write that `pending` is the rest of. */
  #writing = 0;
  /** Something has been sent on it. */
  wrote = false;
  /** Its end went by itself, after the last data. */
  endedLate = false;
  /** `end()` was called and everything before it was taken. */
  ending = false;
  /** Read from quiche before the reader asked. */
  readonly #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #aheadEnd = false;
  #taken: ((error?: Error | null) => void) | undefined;

  constructor(id: number, owner: StreamOwner) {
    super({ allowHalfOpen: true, highWaterMark, emitClose: true });
    this.id = id;
    this.#owner = owner;
    // A stream error that nobody listens to must not end the process.
    this.on('error', () => {});
  }

  /** Whether nothing comes after `pending` but the end. */
  get isLast(): boolean {
    return this.writableEnded && this.writableLength === this.#writing;
  }

  /** All of `pending`, or the end, has been taken. */
  taken(error?: Error): void {
    const done = this.#taken;
    this.#taken = undefined;
    this.pending = undefined;
    done?.(error);
  }

  /** Bytes that wait for the reader, beside those in the Duplex. */
  get ahead(): number {
    return this.#aheadBytes;
  }

  /** Keeps data, or the end, for a reader that has not asked. */
  keep(data: Buffer): void {
    this.#ahead.push(data);
    this.#aheadBytes += data.length;
  }

  keepEnd(): void {
    this.#aheadEnd = true;
  }

  /** All that was kept goes into the Duplex: nothing more will come from quiche. */
  releaseAhead(): void {
    for (const data of this.#ahead.splice(0)) this.push(data);
    this.#forgetAhead();
    if (this.#aheadEnd) this.push(null);
  }

  #forgetAhead(): void {
    this.#owner.tookAhead(this.#aheadBytes);
    this.#ahead.length = 0;
    this.#aheadBytes = 0;
  }

  override _read(): void {
    const kept = this.#ahead.shift();
    if (kept !== undefined) {
      this.#aheadBytes -= kept.length;
      this.#owner.tookAhead(kept.length);
      this.push(kept);
      return;
    }
    if (this.#aheadEnd) {
      this.push(null);
      return;
    }
    if (this.wanted || this.receiveOver) return;
    this.wanted = true;
    this.#owner.pull(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #send(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    if (chunk.length === 0) return done();
    this.pending = chunk;
    this.#writing = chunk.length;
    this.#taken = done;
    this.#owner.push(this);
  }

  override _final(done: (error?: Error | null) => void): void {
    // It has gone with the last data, or nobody takes it any more.
    if (this.sendOver) return done();
    this.ending = true;
    this.#taken = done;
    this.#owner.push(this);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.wanted = false;
    this.#forgetAhead();
    const code = streamCodeOf(error) ?? StreamCode.CANCELLED;
    this.#owner.abandon(this, code);
    this.#taken = undefined;
    this.pending = undefined;
    done(error);
  }
}

/** The code that an error given to `destroy` asks for. */
function streamCodeOf(error: Error | null): number | undefined {
  if (error === null || !('streamCode' in error)) return undefined;
  const { streamCode } = error;
  return typeof streamCode === 'number' && Number.isSafeInteger(streamCode) && streamCode >= 0
    ? streamCode
    : undefined;
}
