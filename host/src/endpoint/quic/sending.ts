/**
 * What goes on the streams of one QUIC connection: gives to quiche what was written, the end with the last data, and tries
 * again what it had no room for. `docs/spec/endpoint.md` 4 and 6.3.
 *
 * @module
 */

import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import type { FloodBudget } from './budgets.ts';
import type { Finishing } from './finishing.ts';
import type { LateEnds } from './late-ends.ts';
import { errorText, forgottenError, isDone, streamError } from './quiche-error.ts';
import type { SendRoom } from './send-room.ts';
import type { QuicStream } from './stream.ts';

/** What sending needs of its connection. */
export interface SendingCarrier {
  readonly native: Pick<QuicheConnection, 'streamSend' | 'streamCapacity'>;
  readonly flood: Pick<FloodBudget, 'sent'>;
  readonly room: Pick<SendRoom, 'gave' | 'left' | 'recounted'>;
  /** Bytes of a UDP payload, at most. */
  readonly datagramSize: number;
  /** Set when the connection has ended. */
  readonly closeInfo: unknown;
  /** Lets quiche work and send at the end of this turn. */
  schedule(): void;
  /** So many bytes wait to be given to quiche, before this turn ends at the latest. */
  written(bytes: number): void;
}

/** Bytes, at most, of the datagram that quiche 0.18 makes for the end of each stream. */
const endSize = 64;

const noBytes = Buffer.alloc(0);

export class Sending {
  readonly #carrier: SendingCarrier;
  readonly #finishing: Finishing;
  readonly #late: LateEnds;
  readonly #over: (stream: QuicStream) => void;
  /** Streams with something that has not been given to quiche. */
  #written: QuicStream[] = [];
  /** Streams whose end came after their data, and has not been given to quiche. */
  readonly #ends = new Set<QuicStream>();
  /** Streams whose pending bytes quiche would not take. */
  readonly #blocked = new Set<QuicStream>();

  /** `over` is told of a stream on which nothing can be sent any more. */
  constructor(
    carrier: SendingCarrier,
    finishing: Finishing,
    late: LateEnds,
    over: (stream: QuicStream) => void,
  ) {
    this.#carrier = carrier;
    this.#finishing = finishing;
    this.#late = late;
    this.#over = over;
  }

  push(stream: QuicStream): void {
    if (this.#carrier.closeInfo !== undefined || stream.sendOver) return;
    this.#written.push(stream);
    this.#carrier.written(stream.pending?.length ?? 0);
  }

  /** Gives to quiche what was written since: an end that was written too goes with the last data. */
  give(): void {
    const written = this.#written;
    if (written.length === 0) return;
    this.#written = [];
    for (const stream of written) this.#give(stream);
  }

  #give(stream: QuicStream): void {
    if (this.#carrier.closeInfo !== undefined || stream.sendOver) return;
    const { native, flood, room } = this.#carrier;
    const data = stream.pending;
    try {
      if (data === undefined) {
        if (stream.ending) this.#ends.add(stream);
        return;
      }
      const last = stream.isLast;
      const taken = native.streamSend(stream.id, data, last) ?? 0;
      if (taken > 0) {
        flood.sent(taken);
        room.gave(taken);
        stream.wrote = true;
      }
      if (taken < data.length) {
        stream.pending = data.subarray(taken);
        this.#block(stream);
        return;
      }
      this.#blocked.delete(stream);
      if (last) this.#ended(stream);
      stream.taken();
    } catch (error) {
      if (isDone(error)) this.#block(stream);
      else this.fail(stream, streamError(error));
    }
  }

  /**
   * Gives at most `most` ends that came after their data; to be called when quiche has no more to send. Whether there are
   * some to send. An end that quiche could not send at once would be lost when the data is acknowledged before it leaves.
   */
  giveEnds(most: number): boolean {
    let given = 0;
    for (const stream of this.#ends) {
      const leavesAtOnce =
        given < most && this.#hasRoom(stream, this.#carrier.datagramSize + given * endSize);
      // While there is no room, its timer looks after it.
      if (!leavesAtOnce && this.#late.has(stream)) continue;
      try {
        if (this.#giveEnd(stream, leavesAtOnce)) given++;
      } catch (error) {
        this.fail(stream, streamError(error));
      }
    }
    return given > 0;
  }

  /** Whether it was given: it may have to wait. */
  #giveEnd(stream: QuicStream, leavesAtOnce: boolean): boolean {
    if (this.#late.postponed(stream, leavesAtOnce, () => this.#giveEnd(stream, false))) {
      if (leavesAtOnce) this.#ends.delete(stream);
      return false;
    }
    this.#ends.delete(stream);
    this.#carrier.native.streamSend(stream.id, noBytes, true);
    this.#ended(stream);
    stream.endedLate = true;
    this.#late.sent(stream);
    stream.taken();
    return true;
  }

  /** Whether all that was given has been sent, and so many bytes would be too. */
  #hasRoom({ id, wrote }: QuicStream, bytes: number): boolean {
    return !wrote || this.#carrier.room.left(this.#capacity(id)) >= bytes;
  }

  /** Bytes. Without end for a stream that is stopped or gone: a try will say so. */
  #capacity(id: number): number {
    try {
      return this.#carrier.native.streamCapacity(id);
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  #ended(stream: QuicStream): void {
    stream.sendOver = true;
    this.#finishing.add(stream.id);
    this.#over(stream);
  }

  /** There is no room now, and never will be in a stream that quiche has forgotten. */
  #block(stream: QuicStream): void {
    if (this.#isForgotten(stream.id)) this.fail(stream, forgottenError());
    else this.#blocked.add(stream);
  }

  /** Nothing more can be sent on it. */
  fail(stream: QuicStream, error: Error): void {
    this.forget(stream);
    stream.sendOver = true;
    stream.taken(error);
    this.#over(stream);
  }

  #isForgotten(id: number): boolean {
    try {
      this.#carrier.native.streamCapacity(id);
      return false;
    } catch (error) {
      return /^InvalidStreamState/.test(errorText(error));
    }
  }

  /** Tries again what quiche had no room for. To be called after sending: only then does quiche count anew. */
  pushBlocked(): void {
    for (const stream of this.#blocked) {
      // A `streamSend` without room makes quiche send DATA_BLOCKED, whose acknowledgement would lead to the next try, and
      // so on for ever.
      if (this.#capacity(stream.id) === 0) continue;
      this.#give(stream);
      this.#carrier.schedule();
    }
  }

  forget(stream: QuicStream): void {
    this.#blocked.delete(stream);
    this.#ends.delete(stream);
  }

  clear(): void {
    this.#written = [];
    this.#ends.clear();
    this.#blocked.clear();
  }
}
