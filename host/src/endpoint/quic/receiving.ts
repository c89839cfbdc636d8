/**
 * What comes on the streams of one QUIC connection: takes from quiche what readers ask for, and a little before they ask.
 * `docs/spec/endpoint.md` 4 and 6.3.
 *
 * @module
 */

import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { type FloodBudget, maxStreamBytesPerTurn } from './budgets.ts';
import type { LateEnds } from './late-ends.ts';
import { errorText, isDone, streamError } from './quiche-error.ts';
import { readBuffer, takeRead } from './read-buffer.ts';
import type { QuicStream } from './stream.ts';

/** What receiving needs of its connection. */
export interface ReceivingCarrier {
  readonly native: Pick<QuicheConnection, 'streamRecv'>;
  readonly flood: Pick<FloodBudget, 'read'>;
  /** Set when the connection has ended. */
  readonly closeInfo: unknown;
  /** Lets quiche work and send at the end of this turn. */
  schedule(): void;
}

/** Bytes taken from quiche before a reader asks: of one stream, and of a connection. */
const maxStreamAhead = 1024 * 1024;
const maxAhead = 8 * 1024 * 1024;

const noBytes = Buffer.alloc(0);

export class Receiving {
  readonly #carrier: ReceivingCarrier;
  readonly #late: LateEnds;
  readonly #over: (stream: QuicStream) => void;
  /** Streams whose readers have asked for data. */
  readonly #hungry = new Set<QuicStream>();
  #ahead = 0;

  /** `over` is told of a stream on which nothing can come any more. */
  constructor(carrier: ReceivingCarrier, late: LateEnds, over: (stream: QuicStream) => void) {
    this.#carrier = carrier;
    this.#late = late;
    this.#over = over;
  }

  /** Data is wanted. */
  pull(stream: QuicStream): void {
    if (this.#carrier.closeInfo !== undefined) return;
    this.#hungry.add(stream);
    // In a turn of its own: `_read` is called while a plugin's code runs.
    this.#carrier.schedule();
  }

  tookAhead(bytes: number): void {
    this.#ahead -= bytes;
  }

  /** Gives readers what they have asked for, unless they are more than `most`. */
  deliver(most: number): void {
    if (this.#hungry.size <= most) for (const stream of this.#hungry) this.#deliver(stream);
  }

  /** Takes what has come on one stream, whether its reader has asked or not. */
  take(stream: QuicStream): void {
    if (stream.wanted && stream.ahead === 0) this.#deliver(stream);
    else this.#readAhead(stream);
  }

  /** Gives the reader what it asked for, at most the budget of a turn. */
  #deliver(stream: QuicStream): void {
    let budget = maxStreamBytesPerTurn;
    if (stream.ahead > 0 || this.#mustRest(stream)) return;
    while (stream.wanted && budget > 0) {
      let read: [number, boolean] | null;
      try {
        read = this.#carrier.native.streamRecv(stream.id, readBuffer());
      } catch (error) {
        if (isDone(error)) return;
        this.#satisfied(stream);
        this.#cut(stream, error);
        return;
      }
      if (read === null) return;
      const [length, fin] = read;
      budget -= length;
      if (length > 0) {
        this.#carrier.flood.read(length);
        this.#satisfied(stream);
        // `push` asks for more, by `_read`, when there is room; that call sets `wanted` again.
        stream.push(takeRead(length));
      }
      if (fin) {
        this.#satisfied(stream);
        stream.receiveOver = true;
        stream.push(null);
        this.#over(stream);
        return;
      }
    }
    if (stream.wanted) this.#carrier.schedule();
  }

  #satisfied(stream: QuicStream): void {
    stream.wanted = false;
    this.#hungry.delete(stream);
  }

  /** Reset by the peer, or forgotten. */
  #cut(stream: QuicStream, error: unknown): void {
    stream.cut = true;
    stream.receiveOver = true;
    this.#over(stream);
    stream.destroy(streamError(error));
  }

  /**
   * Takes a little from quiche before the reader asks. Its windows shrink to what is read soon (32 KiB a stream, 48 KiB a
   * connection to begin with), so that one stream's first megabyte, unread, would stall every other stream.
   */
  #readAhead(stream: QuicStream): void {
    if (stream.receiveOver || stream.destroyed || this.#mustRest(stream)) return;
    const { native, flood } = this.#carrier;
    try {
      for (;;) {
        // A reset, or an end that comes by itself, is told also to a stream that is full.
        const isFull = stream.ahead >= maxStreamAhead || this.#ahead >= maxAhead;
        const read = native.streamRecv(stream.id, isFull ? noBytes : readBuffer());
        if (read === null) return;
        const [length, fin] = read;
        if (length > 0) {
          flood.read(length);
          this.#ahead += length;
          stream.keep(takeRead(length));
        }
        if (fin) {
          stream.receiveOver = true;
          stream.keepEnd();
          this.#over(stream);
        }
        if (fin || isFull) return;
      }
    } catch (error) {
      if (!isDone(error) && /^StreamReset/.test(errorText(error))) this.#cut(stream, error);
    }
  }

  /** Whether its end has gone by itself and may be lost yet: the peer's end must not be read before. */
  #mustRest(stream: QuicStream): boolean {
    if (!stream.endedLate) return false;
    if (this.#late.has(stream)) return true;
    if (this.#late.postponed(stream, true, () => this.#rested(stream))) return true;
    stream.endedLate = false;
    return false;
  }

  #rested(stream: QuicStream): void {
    if (this.#late.postponed(stream, true, () => this.#rested(stream))) return;
    stream.endedLate = false;
    this.#carrier.schedule();
  }

  /** Takes what quiche holds of a stream that the peer has ended; `false` when its end has not come. */
  salvage(stream: QuicStream): boolean {
    stream.sendOver = true;
    stream.releaseAhead();
    for (;;) {
      if (stream.receiveOver) return stream.readableLength > 0 || !stream.readableEnded;
      let read: [number, boolean] | null;
      try {
        read = this.#carrier.native.streamRecv(stream.id, readBuffer());
      } catch {
        return false;
      }
      if (read === null) return false;
      const [length, fin] = read;
      if (length > 0) stream.push(takeRead(length));
      if (!fin) continue;
      stream.receiveOver = true;
      stream.push(null);
    }
  }

  forget(stream: QuicStream): void {
    this.#hungry.delete(stream);
  }

  clear(): void {
    this.#hungry.clear();
  }
}
