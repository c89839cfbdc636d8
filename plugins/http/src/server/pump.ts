/**
 * The body of an answer, written as fast as the client takes it.
 *
 * @module
 */

import { Readable, type Writable } from 'node:stream';
import type { AnswerBody } from './message.ts';

type Streamed = Exclude<AnswerBody, string | Uint8Array>;

/**
 * Writes it all and leaves the end to the caller; bytes written. It asks for the next piece when the one before has been
 * taken. Stops when `gone` says so, and tells the source.
 *
 * @throws what the source throws
 */
export async function pump(
  body: Streamed,
  to: Writable,
  onGone: (listener: () => void) => void,
): Promise<number> {
  let gone = false;
  let wake: (() => void) | undefined;
  const source = body instanceof ReadableStream ? ofReader(body.getReader()) : ofIterator(body);
  onGone(() => {
    gone = true;
    source.cancel();
    wake?.();
  });
  to.on('drain', () => wake?.());
  let bytes = 0;
  for (;;) {
    const next = await source.next();
    if (next === undefined || gone) return bytes;
    bytes += typeof next === 'string' ? Buffer.byteLength(next) : next.byteLength;
    if (!to.write(next)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (gone) resolve();
      });
      wake = undefined;
      if (gone) return bytes;
    }
  }
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
