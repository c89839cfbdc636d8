/**
 * The body of a request, within the limits of size and time. `docs/spec/http.md` 6 and 23.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { deadline } from '@alknet/sdk';
import type { HttpRequest } from './message.ts';

export type BodyFaultStatus = 400 | 408 | 413 | 415 | 417;

/** Why a body is not taken; its statuses are those of the table in `docs/spec/http.md` 6. */
export class BodyFault extends Error {
  override readonly name = 'BodyFault';
  readonly status: BodyFaultStatus;

  constructor(status: BodyFaultStatus, message: string) {
    super(message);
    this.status = status;
  }
}

export interface BodyLimits {
  /** Bytes; infinity: none. */
  readonly size: number;
  /** Milliseconds for all of it; infinity: none. */
  readonly time: number;
}

function tooLarge(size: number): BodyFault {
  return new BodyFault(413, `the body is over ${size} bytes (http.limits.body)`);
}

function tooSlow(time: number): BodyFault {
  return new BodyFault(408, `the body took longer than ${time / 1000} s (http.limits.bodyTimeout)`);
}

/** What `read` makes of all of it. Rejects with a BodyFault, and with what `read` throws. */
export function readBody<Value>(
  request: HttpRequest,
  limits: BodyLimits,
  read: (all: Buffer) => Value,
): Promise<Value> {
  const { body } = request;
  if (body === null) return Promise.resolve(Buffer.alloc(0)).then(read);
  if (Number(request.header('content-length') ?? 0) > limits.size)
    return Promise.reject(tooLarge(limits.size));
  request.continue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    const fail = (fault: BodyFault) => {
      timer?.cancel();
      body.off('data', onData).off('end', onEnd).off('close', onClose);
      body.pause();
      reject(fault);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.size) fail(tooLarge(limits.size));
      else chunks.push(chunk);
    };
    // After its end a body tells nobody anything but that it is closed: to take the listeners off costs more.
    const onEnd = () => {
      ended = true;
      timer?.cancel();
      const [first] = chunks;
      try {
        resolve(read(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, size)));
      } catch (error) {
        reject(error);
      }
    };
    const onClose = () => {
      if (!ended) fail(cutShort());
    };
    const timer = Number.isFinite(limits.time)
      ? deadline(performance.now() + limits.time, () => fail(tooSlow(limits.time)))
      : undefined;
    body.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function cutShort(): BodyFault {
  return new BodyFault(400, 'the connection ended in the middle of the body');
}

/** Piece by piece, as fast as it is asked for. @throws BodyFault, from the iterator */
export async function* streamBody(
  request: HttpRequest,
  body: Readable,
  limits: BodyLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  request.continue();
  let size = 0;
  let slow = false;
  const timer =
    limits.time === Number.POSITIVE_INFINITY
      ? undefined
      : setTimeout(() => {
          slow = true;
          body.destroy();
        }, limits.time);
  try {
    // Leaving early must not destroy the stream that the answer goes out on.
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > limits.size) throw tooLarge(limits.size);
      yield chunk;
    }
    if (slow) throw tooSlow(limits.time);
  } catch (error) {
    if (error instanceof BodyFault) throw error;
    throw slow ? tooSlow(limits.time) : cutShort();
  } finally {
    clearTimeout(timer);
  }
}
