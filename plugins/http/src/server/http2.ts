/**
 * Sessions of HTTP/2 (RFC 9113) over any Duplex, by nghttp2. Rapid resets (CVE-2023-44487) and CONTINUATION floods
 * (CVE-2024-27316) are bounded there; what a session may hold is bounded here.
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
import type { Duplex } from 'node:stream';
import type { HttpLimits } from '../config.ts';
import { type Http2Carrier, Http2Exchange } from './http2-exchange.ts';
import type { Application } from './message.ts';
import { UntakenAnswers } from './untaken-answers.ts';

/** MiB that a session may hold: its streams, their headers and unsent frames. */
const sessionMemory = 16;

/** Streams that a client may reset before they are answered: so many at once, and so many a second. */
const resetBurst = 200;
const resetsPerSecond = 50;

interface Http2Connection extends Http2Carrier {
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
        untaken: new UntakenAnswers(() => this.#limits.answerTimeout),
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
        connection.untaken.close();
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
