/**
 * Requests to an MCP server, which may be anybody's: they go by the pool of all adapters, no redirect is followed, an
 * answer has a size, and a server that closes its stream at once is not asked again at once. `docs/spec/http.md` 17.4.
 *
 * @module
 */

import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import type { HttpClient } from '../client.ts';

/** `onEnd` is told when the body of the answer has been read, or why it could not be. */
export type Fetch = (
  url: string | URL,
  init: RequestInit,
  onEnd?: (error?: unknown) => void,
) => Promise<Response>;

export interface RequestOptions {
  readonly client: Pick<HttpClient, 'dispatcher'>;
  /** Bytes of an answer; of each event on the stream of notifications, which has no end. */
  readonly maxResponse: number;
  /** Told of each answer, and of `undefined` for none. */
  readonly counted: (status: number | undefined) => void;
}

/** What the server answered cannot be taken. */
export class RefusedAnswer extends Error {
  override readonly name = 'RefusedAnswer';
}

/** So many GETs may follow each other as fast as the server asks for them (`retry`), then one in so many milliseconds. */
const burst = 5;
const pace = 1000;
/** RFC 9110: these have no body. */
const bodiless = new Set([101, 204, 205, 304]);

export function boundedFetch({ client, maxResponse, counted }: RequestOptions): Fetch {
  let free = 0;
  return async (url, { method = 'GET', headers, body, signal }, onEnd = () => {}) => {
    const streams = method === 'GET';
    if (streams) {
      const now = performance.now();
      free = Math.max(now - burst * pace, free) + pace;
      const wait = free - now;
      if (wait > 0) await delay(wait, undefined, { ref: false, ...(signal ? { signal } : {}) });
    }
    const answer = await send(client.dispatcher, url, method, headers, body, signal, counted);
    const { statusCode: status } = answer;
    const fields = fieldsOf(answer);
    if (status >= 300 && status < 400) {
      answer.body.destroy();
      throw new RefusedAnswer(`HTTP ${status}: a redirect to ${target(fields, url)} is not followed`);
    }
    if (!streams && Number(fields.get('content-length') ?? 0) > maxResponse) {
      answer.body.destroy();
      throw tooLarge(maxResponse);
    }
    // What was decoded on the way has another length.
    fields.delete('content-length');
    if (bodiless.has(status)) {
      await answer.body.dump();
      return new Response(null, { status, headers: fields });
    }
    const counter = new SizeLimit(maxResponse, streams);
    const passed = told(counter.pass(answer.body), onEnd);
    return new Response(ReadableStream.from(passed), { status, headers: fields });
  };
}

async function send(
  dispatcher: Dispatcher,
  url: string | URL,
  method: string,
  headers: RequestInit['headers'],
  body: RequestInit['body'],
  signal: AbortSignal | null | undefined,
  counted: RequestOptions['counted'],
): Promise<Dispatcher.ResponseData> {
  try {
    const answer = await request(url, {
      dispatcher,
      method: method as Dispatcher.HttpMethod,
      headers: [...new Headers(headers)].flat(),
      body: typeof body === 'string' ? body : null,
      ...(signal ? { signal } : {}),
    });
    counted(answer.statusCode);
    return answer;
  } catch (error) {
    counted(undefined);
    throw error;
  }
}

async function* told(
  body: AsyncIterable<Uint8Array>,
  onEnd: (error?: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    onEnd(error);
    throw error;
  }
  onEnd();
}

function fieldsOf({ headers }: Dispatcher.ResponseData): Headers {
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const each of Array.isArray(value) ? value : [value ?? '']) fields.append(name, each);
  }
  return fields;
}

function tooLarge(limit: number): RefusedAnswer {
  return new RefusedAnswer(`response too large: over ${limit} bytes (maxResponse)`);
}

/** Origin and path; a query may hold what is nobody's business. */
function target(fields: Headers, url: string | URL): string {
  const location = fields.get('location') ?? '';
  if (!URL.canParse(location, String(url))) return 'nowhere';
  const { origin, pathname } = new URL(location, url);
  return `${origin}${pathname}`.slice(0, 256);
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

class SizeLimit {
  readonly #limit: number;
  readonly #events: boolean;
  #size = 0;
  #lineEnds = 0;

  /** With `events` the size is that of one event: it begins anew after each blank line. */
  constructor(limit: number, events: boolean) {
    this.#limit = limit;
    this.#events = events;
  }

  async *pass(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of body) {
      const end = this.#events ? this.#lastBlankLine(chunk) : -1;
      this.#size = end === -1 ? this.#size + chunk.length : chunk.length - end;
      if (this.#size > this.#limit) throw tooLarge(this.#limit);
      yield chunk;
    }
  }

  #lastBlankLine(chunk: Uint8Array): number {
    let last = -1;
    for (let index = 0; index < chunk.length; index++) {
      if (chunk[index] === lineFeed) this.#lineEnds++;
      else if (chunk[index] !== carriageReturn) this.#lineEnds = 0;
      if (this.#lineEnds >= 2) last = index;
    }
    return last;
  }
}
