/**
 * The body of an answer, written as fast as the client takes it.
 *
 * @module
 */

import { Readable, type Writable } from 'node:stream';
import type { AnswerBody, HeaderFields } from './message.ts';

/**
 * Bytes. A larger body goes out in pieces of half of this, so that what the client takes is seen, and a client has
 * `http.limits.answerTimeout` for so much of it.
 */
export const portion = 64 * 1024;
const piece = portion / 2;

export interface PumpOptions {
  /** Called with what to do when the client has gone. */
  readonly onGone: (listener: () => void) => void;
  /** Milliseconds that the client has to take a {@link portion}; infinity: for ever. */
  readonly patience: number;
}

export interface Pumped {
  /** Of the body, as far as they were written. */
  readonly bytes: number;
  /** Whether the client was too slow; then the answer is not complete. */
  readonly tooSlow: boolean;
}

export const nothing: Pumped = { bytes: 0, tooSlow: false };

/** An event stream waits for its reader (`docs/spec/http.md` 10); all else is given up when it is not taken. */
export function patienceFor(headers: HeaderFields, limit: number): number {
  const type = headers['content-type'] ?? headers['Content-Type'];
  return typeof type === 'string' && type.startsWith('text/event-stream') ? Number.POSITIVE_INFINITY : limit;
}

/**
 * Writes it all and leaves the end to the caller. It asks for the next piece when the one before has been taken. Stops
 * when the client has gone or takes too long, and tells the source.
 *
 * @throws what the source throws
 */
export async function pump(
  body: AnswerBody,
  to: Writable,
  { onGone, patience }: PumpOptions,
): Promise<Pumped> {
  let gone = false;
  let tooSlow = false;
  let wake: (() => void) | undefined;
  const source = sourceOf(body);
  const leave = () => {
    gone = true;
    source.cancel();
    wake?.();
  };
  onGone(leave);
  const taken = () => wake?.();
  to.on('drain', taken);
  let bytes = 0;

  const waitForClient = async () => {
    const timer =
      patience === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => {
            tooSlow = true;
            leave();
          }, patience);
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (gone) resolve();
    });
    wake = undefined;
    clearTimeout(timer);
  };
  const writeInPieces = async (whole: Buffer) => {
    for (let start = 0; start < whole.length && !gone; start += piece) {
      const part = whole.subarray(start, start + piece);
      bytes += part.length;
      // The callback tells of this one, where `drain` would wait for all that the stream may hold.
      to.write(part, taken);
      if (to.writableLength > piece) await waitForClient();
    }
  };

  for (;;) {
    const next = await source.next();
    if (next === undefined || gone) break;
    const size = typeof next === 'string' ? Buffer.byteLength(next) : next.byteLength;
    if (size > piece && patience !== Number.POSITIVE_INFINITY) await writeInPieces(bufferOf(next));
    else {
      bytes += size;
      if (!to.write(next)) await waitForClient();
    }
    if (gone) break;
  }
  return { bytes, tooSlow };
}

/** A body that nobody will read. */
export function discard(body: AnswerBody | undefined): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return;
  if (body instanceof ReadableStream) void body.cancel().catch(() => {});
  else ofIterator(body).cancel();
}

interface Source {
  next(): Promise<string | Uint8Array | undefined>;
  cancel(): void;
}

function bufferOf(bytes: string | Uint8Array): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes, 'utf8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sourceOf(body: AnswerBody): Source {
  if (typeof body === 'string' || body instanceof Uint8Array) return ofWhole(body);
  return body instanceof ReadableStream ? ofReader(body.getReader()) : ofIterator(body);
}

function ofWhole(body: string | Uint8Array): Source {
  let rest: string | Uint8Array | undefined = body;
  return {
    next: async () => {
      const all = rest;
      rest = undefined;
      return all;
    },
    cancel: () => {},
  };
}

function ofReader(reader: ReadableStreamDefaultReader<Uint8Array>): Source {
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? undefined : value;
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

function ofIterator(body: AsyncIterable<string | Uint8Array>): Source {
  const iterator = body[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { done, value } = await iterator.next();
      return done === true ? undefined : value;
    },
    // A generator that waits ends by the signal of its request.
    cancel: () => {
      if (body instanceof Readable) body.destroy();
      else void Promise.resolve(iterator.return?.()).catch(() => {});
    },
  };
}
