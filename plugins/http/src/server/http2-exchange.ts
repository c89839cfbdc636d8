/**
 * One request of HTTP/2 and its answer, between a stream of nghttp2 and the application. RFC 9113 8.
 *
 * @module
 */

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { Duplex, Readable } from 'node:stream';
import { Latch } from '@alknet/sdk';
import type { HttpLimits } from '../config.ts';
import type {
  Answer,
  Application,
  Exchange,
  HeaderFields,
  HttpRequest,
  HttpVersion,
  Sent,
  Upgrade,
} from './message.ts';
import { discard, nothing, type Pumped, patienceFor, portion, pump } from './pump.ts';
import type { UntakenAnswer, UntakenAnswers } from './untaken-answers.ts';

/** What an exchange needs of its session. */
export interface Http2Carrier {
  readonly application: Application;
  readonly limits: () => HttpLimits;
  readonly untaken: UntakenAnswers;
}

export class Http2Exchange implements Exchange, HttpRequest, UntakenAnswer {
  readonly version: HttpVersion = '2';
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly protocol: string | undefined;
  readonly upgrade: Upgrade | undefined;
  onSent: ((sent: Sent) => void) | undefined = undefined;
  readonly body: Readable | null;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #raw: readonly string[];
  readonly #connection: Http2Carrier;
  /** Trips when the client goes before it has the answer. */
  readonly #gone = new Latch<true>();
  /** In the session's `untaken`. */
  place = -1;
  /** `performance.now()` milliseconds when all of the answer was written. */
  writtenAt = 0;
  #finished = false;
  #rawHeaders: readonly string[] | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    connection: Http2Carrier,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.#raw = raw;
    this.#connection = connection;
    this.method = headers[':method'] ?? 'GET';
    this.target = headers[':path'] ?? '';
    this.authority = headers[':authority'] ?? headers.host ?? '';
    const protocol = headers[':protocol'];
    this.protocol = typeof protocol === 'string' ? protocol : undefined;
    this.upgrade = this.protocol === undefined ? undefined : { accept: (fields) => this.#accept(fields) };
    // A body of no bytes is none, whenever the client gets to say that it was the end.
    const hasBody = !stream.endAfterHeaders && headers['content-length'] !== '0';
    this.body = this.upgrade === undefined && hasBody ? stream : null;
    stream.once('close', () => {
      connection.untaken.delete(this);
      if (!this.#finished || stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#gone.trip(true);
    });
  }

  get request(): HttpRequest {
    return this;
  }

  get rawHeaders(): readonly string[] {
    if (this.#rawHeaders === undefined) {
      const fields: string[] = [];
      for (let index = 0; index < this.#raw.length; index += 2) {
        const name = this.#raw[index] ?? '';
        if (!name.startsWith(':')) fields.push(name, this.#raw[index + 1] ?? '');
      }
      this.#rawHeaders = fields;
    }
    return this.#rawHeaders;
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  fields(name: string): number {
    let count = 0;
    for (let index = 0; index < this.#raw.length; index += 2) if (this.#raw[index] === name) count++;
    return count;
  }

  continue(): void {
    if (this.#headers.expect?.toLowerCase() === '100-continue' && !this.#stream.headersSent)
      this.#stream.additionalHeaders({ ':status': 100 });
  }

  onGone(listener: () => void): void {
    this.#gone.on(listener);
  }

  async run(): Promise<void> {
    const { application } = this.#connection;
    const answer = await application.serve(this);
    if (answer === undefined) return this.onSent?.({ status: 200, bytes: 0 });
    const { bytes, tooSlow } = await this.#write(answer);
    // One who was too slow has gone: whoever still works for him is told.
    if (!tooSlow) this.#gone.forget();
    this.onSent?.({ status: answer.status, bytes, tooSlow });
  }

  async #write({ status, headers, body }: Answer): Promise<Pumped> {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return nothing;
    const fields: HeaderFields & { ':status'?: number } = {};
    for (const name in headers) {
      const value = headers[name];
      // RFC 9113 8.2.2: no version has it but HTTP/1.1.
      if (value !== undefined && name !== 'upgrade') fields[name.toLowerCase()] = value;
    }
    const head = Object.assign(fields, { ':status': status });
    const plain = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const length = plain && body !== undefined ? Buffer.byteLength(body) : 0;
    if (plain && status !== 204 && status !== 304) head['content-length'] ??= String(length);
    if (body === undefined || this.method === 'HEAD' || status === 204 || status === 304) {
      discard(body);
      stream.respond(head, { endStream: true });
      this.#leave();
      return nothing;
    }
    stream.respond(head);
    if (plain && length <= portion) {
      this.#end(body);
      return { bytes: length, tooSlow: false };
    }
    try {
      const pumped = await pump(body, stream, {
        onGone: (listener) => this.#gone.on(listener),
        patience: patienceFor(headers, this.#connection.limits().answerTimeout),
      });
      if (pumped.tooSlow) stream.close(constants.NGHTTP2_CANCEL);
      else this.#end();
      return pumped;
    } catch {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return nothing;
    }
  }

  #end(last?: string | Uint8Array): void {
    this.#stream.end(last);
    this.#leave();
    if (this.#stream.closed) return;
    this.writtenAt = performance.now();
    this.#connection.untaken.add(this);
  }

  /** The client has not taken what was written last. */
  giveUp(): void {
    this.#connection.untaken.delete(this);
    this.#connection.application.tooSlow();
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** The rest of the body is not wanted: RFC 9113 8.1 lets the server say so once the answer has left. */
  #leave(): void {
    this.#finished = true;
    const stream = this.#stream;
    if (stream.endAfterHeaders || stream.readableEnded) return;
    stream.resume();
    stream.once('finish', () => {
      if (!stream.closed && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #accept(headers: HeaderFields): Duplex {
    this.#finished = true;
    this.#stream.respond({ ...headers, ':status': 200 });
    return this.#stream;
  }
}
