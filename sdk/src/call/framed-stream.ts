/**
 * A byte stream as envelopes: frames read as they come, frames written in one piece a turn. `docs/spec/call.md` 2.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { ConnectionError, StreamCode } from '../errors.ts';
import { fits } from '../text.ts';
import { BadFrame } from './bad-frame.ts';
import { type Envelope, toEnvelope } from './envelope.ts';
import type { EnvelopeStream, EnvelopeStreamEvents } from './envelope-stream.ts';
import { encodeFrame, FrameReader, parseBody } from './frames.ts';
import type { PartialFrames } from './partial-frames.ts';

/** A partial frame without a byte of progress for this long is given up, milliseconds. */
const stallTime = 30_000;

export class FramedStream implements EnvelopeStream {
  readonly duplex: Duplex;
  unanswered = 0;
  readonly #events: EnvelopeStreamEvents;
  readonly #reader: FrameReader;
  readonly #limit: () => number;
  readonly #partials: PartialFrames;
  #frames: Buffer[] = [];
  #flushing = false;
  #over = false;
  #readEnded = false;
  #held: { readonly envelope: Envelope; readonly size: number } | undefined;
  /** Frames of a chunk whose reading was stopped. */
  #rest: Iterator<Buffer> | undefined;
  #stall: NodeJS.Timeout | undefined;
  /** By {@link pause}: the consumer of what is read has enough. */
  #paused = false;
  /** No room for the frame under way beside those of the other streams. */
  #crowdedOut = false;
  /** The end of the stream has come behind frames that are held. */
  #endHeld = false;
  #reason: string | undefined;
  #cause: Error | undefined;

  constructor(duplex: Duplex, limit: () => number, partials: PartialFrames, events: EnvelopeStreamEvents) {
    this.duplex = duplex;
    this.#events = events;
    this.#limit = limit;
    this.#partials = partials;
    this.#reader = new FrameReader(limit);
    duplex.on('data', (chunk: Buffer) => this.#read(chunk));
    duplex.on('end', () => this.#end());
    duplex.on('error', (error: Error) => this.#fail(error));
    duplex.on('close', () => this.#close());
  }

  get over(): boolean {
    return this.#over;
  }

  get writeEnded(): boolean {
    return this.duplex.writableEnded;
  }

  get readEnded(): boolean {
    return this.#readEnded;
  }

  fits(text: string): boolean {
    return fits(text, this.#limit());
  }

  write(text: string): void {
    if (this.#over || this.duplex.writableEnded) return;
    this.#frames.push(encodeFrame(text));
    if (this.#flushing) return;
    this.#flushing = true;
    // After the promises that this turn has settled, and before the event loop goes on.
    queueMicrotask(() => process.nextTick(() => this.#flush()));
  }

  #flush(): void {
    this.#flushing = false;
    const frames = this.#frames;
    const [first] = frames;
    if (first === undefined || this.#over || this.duplex.destroyed) return;
    this.#frames = [];
    this.duplex.write(frames.length === 1 ? first : Buffer.concat(frames));
  }

  get writable(): boolean {
    return !this.#over && !this.duplex.writableNeedDrain && this.#frames.length === 0;
  }

  async drained(): Promise<void> {
    if (this.#frames.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.#over || !this.duplex.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.duplex.removeListener('drain', done);
        this.duplex.removeListener('close', done);
        resolve();
      };
      this.duplex.on('drain', done);
      this.duplex.on('close', done);
    });
  }

  end(): void {
    if (this.#over || this.duplex.writableEnded) return;
    this.#flush();
    this.duplex.end();
  }

  destroy(streamCode: number, reason: string): void {
    if (this.#over) return;
    this.#reason = reason;
    this.duplex.destroy(new ConnectionError('INTERNAL', reason, { streamCode }));
    this.#close();
  }

  pause(): void {
    this.#paused = true;
    this.duplex.pause();
  }

  resume(): void {
    if (!this.#paused || this.#over) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && !this.#deliver(held.envelope, held.size)) return;
    if (!this.#drainRest()) return;
    if (this.#endHeld) {
      this.#end();
      return;
    }
    this.#expectMore();
    if (!this.#paused && !this.#crowdedOut) this.duplex.resume();
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    clearTimeout(this.#stall);
    this.#rest = this.#reader.feed(chunk);
    if (this.#drainRest()) this.#expectMore();
  }

  /** `false` when reading stopped: held, or the stream given up. */
  #drainRest(): boolean {
    const frames = this.#rest;
    if (frames === undefined) return true;
    try {
      for (let next = frames.next(); next.done !== true; next = frames.next()) {
        if (!this.#deliver(toEnvelope(parseBody(next.value)), next.value.length)) return false;
        if (this.#over) return false;
      }
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.#bad(error);
      return false;
    }
    this.#rest = undefined;
    return true;
  }

  #deliver(envelope: Envelope, size: number): boolean {
    if (this.#events.envelope(this, envelope, size)) return true;
    this.#held = { envelope, size };
    this.pause();
    return false;
  }

  /** All that has come is dealt with; is a frame under way, and is there room for it? */
  #expectMore(): void {
    const { expected, partial } = this.#reader;
    if (expected === 0) this.#partials.release(this);
    else if (!this.#partials.admit(this, expected, () => this.#roomAgain())) {
      this.#crowdedOut = true;
      this.duplex.pause();
      return;
    }
    if (expected > 0 || partial > 0) this.#watchStall();
  }

  #roomAgain(): void {
    this.#crowdedOut = false;
    if (this.#over) return;
    this.#watchStall();
    if (!this.#paused) this.duplex.resume();
  }

  #watchStall(): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => {
      this.#bad(new BadFrame('no byte of an unfinished frame for 30 s', StreamCode.STALLED));
    }, stallTime);
    this.#stall.unref();
  }

  #bad(error: BadFrame): void {
    this.#events.bad(this, error.message);
    this.destroy(error.streamCode, `stream closed: ${error.message}`);
  }

  #end(): void {
    if (this.#over) return;
    clearTimeout(this.#stall);
    // A Readable may end while it is paused, as its last chunk has been taken.
    this.#endHeld = this.#held !== undefined || this.#rest !== undefined;
    if (this.#endHeld) return;
    try {
      this.#reader.end();
    } catch (error) {
      if (error instanceof BadFrame) {
        this.#bad(error);
        return;
      }
      throw error;
    }
    this.#readEnded = true;
    this.#events.ended(this);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#cause = error;
    const code = error instanceof ConnectionError ? error.streamCode : undefined;
    if (error instanceof ConnectionError && error.code === 'CONNECTION_CLOSED')
      this.#reason = 'connection closed';
    else if (code === StreamCode.FRAME_TOO_LARGE)
      this.#reason = 'stream closed: frame too large for the other side';
    else if (code === StreamCode.BAD_FRAME) this.#reason = 'stream closed: the other side refused a frame';
    else if (code === StreamCode.STALLED) this.#reason = 'stream closed: a frame stalled';
    // Reset or stopped: half a stream is of no use to a conversation.
    this.duplex.destroy();
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#stall);
    this.#frames = [];
    this.#rest = undefined;
    this.#held = undefined;
    this.#partials.release(this);
    this.#events.closed(this, this.#reason, this.#cause);
  }
}
