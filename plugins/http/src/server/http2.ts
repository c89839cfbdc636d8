/**
 * HTTP/2 (RFC 9113) over any Duplex, by nghttp2. Rapid resets (CVE-2023-44487) and CONTINUATION floods (CVE-2024-27316)
 * are bounded there; what a session may hold is bounded here.
 *
 * @module
 */

import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type Http2Server as NodeHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { Duplex, Readable } from 'node:stream';
import { Latch, type Placed, Roster } from '@alknet/sdk';
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

/** MiB that a session may hold: its streams, their headers and unsent frames. */
const sessionMemory = 16;

/** Streams that a client may reset before they are answered: so many at once, and so many a second. */
const resetBurst = 200;
const resetsPerSecond = 50;

interface Http2Connection {
  readonly application: Application;
  readonly limits: () => HttpLimits;
  /** Whose answers are written, and wait for the client's window. */
  readonly untaken: Roster<Http2Exchange>;
  untakenTimer: NodeJS.Timeout | undefined;
  session: ServerHttp2Session | undefined;
  streams: number;
  /** Whether a request has come. */
  spoke: boolean;
  /** `performance.now()` milliseconds when the last stream was over. */
  idleSince: number;
  /** Whether a ping waits for its answer. */
  pinged: boolean;
  timer: NodeJS.Timeout | undefined;
  /** Resets that count now, and when they were counted: they are forgotten with time. */
  resets: number;
  resetAt: number;
}

export class Http2Server {
  readonly #server: NodeHttp2Server;
  readonly #connections = new Map<Duplex, Http2Connection>();
  readonly #sessions = new WeakMap<ServerHttp2Session, Http2Connection>();
  #limits: HttpLimits;
  #draining = false;
  #next: { readonly stream: Duplex; readonly connection: Http2Connection } | undefined;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#server = createServer({
      maxSessionMemory: sessionMemory,
      maxSessionInvalidFrames: 10,
      settings: settingsOf(limits),
      // Of the compatibility layer, which is not used.
      unknownProtocolTimeout: 1000,
    });
    this.#server.on('session', (session) => this.#onSession(session));
    // The fields as they came are a fourth argument, which @types/node does not know.
    this.#server.on('stream', (stream, headers, _flags, ...[raw]: readonly unknown[]) =>
      this.#onStream(stream, headers, isTexts(raw) ? raw : []),
    );
    this.#server.on('sessionError', () => {});
  }

  configure(limits: HttpLimits): void {
    this.#limits = limits;
    this.#server.updateSettings(settingsOf(limits));
  }

  /** Resolves when the stream is over. Never rejects. */
  serve(stream: Duplex, application: Application): Promise<void> {
    return new Promise((resolve) => {
      const connection: Http2Connection = {
        application,
        limits: () => this.#limits,
        untaken: new Roster(),
        untakenTimer: undefined,
        session: undefined,
        streams: 0,
        spoke: false,
        idleSince: performance.now(),
        pinged: false,
        timer: undefined,
        resets: 0,
        resetAt: performance.now(),
      };
      this.#connections.set(stream, connection);
      // HTTP/2 knows no half-close: whoever has said his last can grant no window either.
      stream.once('end', () => connection.session?.destroy());
      stream.once('close', () => {
        clearTimeout(connection.timer);
        clearTimeout(connection.untakenTimer);
        this.#connections.delete(stream);
        resolve();
      });
      if (stream.destroyed) return void stream.emit('close');
      this.#next = { stream, connection };
      // The session is announced before this returns.
      this.#server.emit('connection', stream);
      this.#next = undefined;
      if (connection.session === undefined) stream.destroy();
      else this.#watch(connection);
    });
  }

  /** GOAWAY: streams in progress run on, new ones are refused. */
  drain(): void {
    this.#draining = true;
    for (const { session } of this.#connections.values()) session?.close();
  }

  close(): void {
    for (const [stream, { session }] of this.#connections) {
      session?.destroy();
      stream.destroy();
    }
  }

  #onSession(session: ServerHttp2Session): void {
    session.on('error', () => {});
    if (this.#next === undefined) return void session.destroy();
    const { connection } = this.#next;
    connection.session = session;
    this.#sessions.set(session, connection);
    if (this.#draining) session.close();
  }

  /**
   * Ends a session on which nothing is in progress for `http.limits.keepAlive`, or that has not begun to speak within
   * `headerTimeout`. One with streams must answer a ping in that time: after some faults of its own nghttp2 reads no
   * more, not even the end of the connection, until the last stream is over.
   */
  #watch(connection: Http2Connection): void {
    const { keepAlive, headerTimeout } = this.#limits;
    const { session } = connection;
    if (session === undefined || session.destroyed) return;
    const limit = connection.spoke ? keepAlive : headerTimeout;
    const idle = performance.now() - connection.idleSince;
    let again = keepAlive;
    if (connection.streams > 0) {
      if (connection.pinged) return session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      connection.pinged = true;
      session.ping((error) => {
        connection.pinged = error !== null;
      });
    } else if (idle < limit) again = Math.max(10, limit - idle);
    else {
      session.close();
      // The client may never read the GOAWAY.
      connection.timer = setTimeout(() => session.destroy(), 1000).unref();
      return;
    }
    connection.timer = setTimeout(() => this.#watch(connection), again).unref();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const connection = stream.session && this.#sessions.get(stream.session as ServerHttp2Session);
    stream.on('error', () => {});
    if (connection === undefined) return void stream.close(constants.NGHTTP2_REFUSED_STREAM);
    connection.streams++;
    connection.spoke = true;
    stream.once('close', () => {
      connection.streams--;
      if (stream.aborted && tooManyResets(connection))
        connection.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      connection.idleSince = performance.now();
    });
    void new Http2Exchange(stream, headers, raw, connection).run();
  }
}

/** Gives up the ends of answers that have waited for `http.limits.answerTimeout`. One timer serves a whole session. */
function watchUntaken(connection: Http2Connection): void {
  const limit = connection.limits().answerTimeout;
  const look = () => {
    connection.untakenTimer = undefined;
    const now = performance.now();
    let longest = 0;
    for (const exchange of connection.untaken) {
      const waited = now - exchange.writtenAt;
      if (waited >= limit) exchange.giveUp();
      else longest = Math.max(longest, waited);
    }
    if (connection.untaken.size > 0) connection.untakenTimer = setTimeout(look, limit - longest + 1).unref();
  };
  connection.untakenTimer ??= setTimeout(look, limit).unref();
}

/** RFC 9113 10.5 leaves the measure to the server: a leaky bucket. */
function tooManyResets(connection: Http2Connection): boolean {
  const now = performance.now();
  const forgotten = ((now - connection.resetAt) / 1000) * resetsPerSecond;
  connection.resets = Math.max(0, connection.resets - forgotten) + 1;
  connection.resetAt = now;
  return connection.resets > resetBurst;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

function settingsOf({ concurrent, header }: HttpLimits) {
  return {
    maxConcurrentStreams: concurrent,
    enableConnectProtocol: true,
    // Twice: the walk answers 431 to what is over the limit by less, as HTTP/1.1 does.
    maxHeaderListSize: header * 2,
    enablePush: false,
  };
}

class Http2Exchange implements Exchange, HttpRequest, Placed {
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
  readonly #connection: Http2Connection;
  /** Trips when the client goes before it has the answer. */
  readonly #gone = new Latch<true>();
  /** In the connection's `untaken`. */
  place = -1;
  /** `performance.now()` milliseconds when all of the answer was written. */
  writtenAt = 0;
  #finished = false;
  #rawHeaders: readonly string[] | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    connection: Http2Connection,
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
    watchUntaken(this.#connection);
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
