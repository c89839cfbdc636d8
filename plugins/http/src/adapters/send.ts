/**
 * One request sent, with its retries and redirects, until an answer begins. `docs/spec/http.md` 17.4.
 *
 * @module
 */

import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { CallError } from '@alknet/sdk';
import { type Dispatcher, request } from 'undici';
import type { BuiltRequest } from './request/build.ts';
import { redirectTarget } from './response/redirect.ts';
import { isPassing, isRepeatable, type RetryAfterTable, waitBefore } from './response/retry.ts';
import { maxErrorBody, type ReceivedResponse, statusError } from './response/value.ts';

export interface Sending {
  readonly dispatcher: () => Dispatcher;
  readonly retryAfter: RetryAfterTable;
  /** Of the adapter's entry. */
  readonly retries: number;
  /** Whether a credential is in it: then no redirect is followed. */
  readonly secret: boolean;
  /** Ends with the call, or with the limit of one request. */
  readonly signal: AbortSignal;
  /** Milliseconds of `Date.now()` at which the call ends, `Infinity` for none. */
  readonly until: number;
  /** Told of each answer, and of `undefined` for none. */
  readonly counted: (status: number | undefined) => void;
}

export type Answer = Dispatcher.ResponseData;

const maxRedirects = 5;

/** @throws CallError `INTERNAL` naming the origin, `HTTP_<n>` while the remote has asked to be left alone */
export async function send(built: BuiltRequest, sending: Sending): Promise<Answer> {
  const { signal, retries, until } = sending;
  let url = `${built.origin}${built.path}`;
  let redirects = 0;
  for (let retry = 0; ; ) {
    await leaveAlone(url, sending);
    const answer = await once(url, built, sending).catch((error: unknown) => error);
    signal.throwIfAborted();
    const failed = answer instanceof Error || !isAnswer(answer);
    if (!failed) {
      sending.retryAfter.note(url, answer.statusCode, headerOf(answer, 'retry-after'), Date.now());
      const follows = redirects < maxRedirects && !sending.secret;
      const location = headerOf(answer, 'location');
      const next = follows ? redirectTarget(url, built.method, answer.statusCode, location) : undefined;
      if (next !== undefined) {
        await discard(answer);
        url = next;
        redirects++;
        continue;
      }
    }
    const again = isRepeatable(built.method) && (failed || isPassing(answer.statusCode)) && retry < retries;
    const wait = again ? waitBefore(retry + 1, Math.random()) : 0;
    if (again && Date.now() + wait < until) {
      if (!failed) await discard(answer);
      retry++;
      await pause(wait, signal);
      continue;
    }
    if (failed) throw unreachable(built.origin, answer);
    return answer;
  }
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'statusCode' in value;
}

async function once(url: string, built: BuiltRequest, sending: Sending): Promise<Answer> {
  try {
    const answer = await request(url, {
      dispatcher: sending.dispatcher(),
      // Any token of RFC 9110 is a method to undici.
      method: built.method as Dispatcher.HttpMethod,
      headers: built.headers.flat(),
      body: built.body ?? null,
      signal: sending.signal,
    });
    sending.counted(answer.statusCode);
    return answer;
  } catch (error) {
    sending.counted(undefined);
    throw error;
  }
}

/** Waits until the time that the remote named for this URL, or fails with its own status when that is too late. */
async function leaveAlone(url: string, { retryAfter, until, signal }: Sending): Promise<void> {
  for (
    let refused = retryAfter.get(url, Date.now());
    refused !== undefined;
    refused = retryAfter.get(url, Date.now())
  ) {
    if (refused.until >= until) {
      throw statusError({
        status: refused.status,
        headers: { 'retry-after': refused.header },
        body: new Uint8Array(),
      });
    }
    await pause(refused.until - Date.now(), signal);
  }
}

export function headerOf({ headers }: Answer, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads on to the end, so that the connection can be used again. */
async function discard(answer: Answer): Promise<void> {
  await answer.body.dump({ limit: maxErrorBody }).catch(() => {});
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', stop);
        resolve();
      },
      Math.max(0, milliseconds),
    );
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function unreachable(origin: string, error: unknown): CallError {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return new CallError('INTERNAL', `no answer from ${origin}${code}`, { cause: error });
}

const decoders = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The bytes of its body. No coding is asked for, and some remotes send one all the same. */
export function bodyOf(answer: Answer): Readable {
  const coding = headerOf(answer, 'content-encoding')?.trim().toLowerCase() ?? '';
  const decoder = Object.hasOwn(decoders, coding) ? decoders[coding as keyof typeof decoders]() : undefined;
  // Whoever reads gets the error; the other end is let go with it.
  return decoder === undefined ? answer.body : pipeline(answer.body, decoder, () => {});
}

/** The whole body. @throws CallError `INTERNAL` for one that is too large, or that ends early */
export async function receive(answer: Answer, limit: number, origin: string): Promise<ReceivedResponse> {
  const headers = Object.fromEntries(
    Object.keys(answer.headers).map((name) => [name, headerOf(answer, name)]),
  );
  const isError = answer.statusCode >= 300;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of bodyOf(answer) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      // Of an error only so much is passed on.
      if (isError && length >= maxErrorBody) break;
      if (length > limit) throw new CallError('INTERNAL', 'response too large');
    }
  } catch (error) {
    if (error instanceof CallError) throw error;
    throw unreachable(origin, error);
  }
  return { status: answer.statusCode, headers, body: Buffer.concat(chunks) };
}
