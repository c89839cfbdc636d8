/**
 * HTTP/1.1 (RFC 9112) over any Duplex, by Node's own parser in its strict mode. What the parser refuses (conflicting
 * lengths, bare CR or LF, folded lines, both Content-Length and Transfer-Encoding) ends the connection.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
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

/** Beyond the limits of the configuration the parser itself gives up; below, the walk answers 414 or 431. Bytes. */
const parserSlack = 16 * 1024;

/** Milliseconds between looks for connections whose header takes too long. */
const timeoutLook = 1000;

/** Bytes of a body that nobody wants which are read so that the client sees the answer; beyond, the connection ends. */
const unwanted = 256 * 1024;

interface Http1Connection {
  readonly application: Application;
  readonly limits: () => HttpLimits;
  /** What is answered now; one that was upgraded for as long as the connection lives. */
  exchange: Http1Exchange | undefined;
  /** Requests behind it that the parser has read, in order. */
  readonly waiting: Http1Exchange[];
  draining: boolean;
  /** `performance.now()` milliseconds of the last answer. */
  idleSince: number;
}

export class Http1Server {
  readonly #server: Server;
  readonly #connections = new Map<Duplex, Http1Connection>();
  #limits: HttpLimits;
  #draining = false;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#server = createServer({
      insecureHTTPParser: false,
      requireHostHeader: true,
      // The walk has limits of its own for bodies; this one would end long uploads of contributed routes.
      requestTimeout: 0,
      connectionsCheckingInterval: timeoutLook,
      // Node's own would be told to clients in a field that no decoy has, and knows only sockets.
      keepAliveTimeout: 0,
      highWaterMark: 64 * 1024,
    });
    this.configure(limits);
    const server = this.#server;
    // Node begins to watch the times of its connections when it listens; these come from elsewhere.
    server.emit('listening');
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.#enqueue(request, response);
    server.on('request', onRequest);
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    server.on('connect', (request, socket) => this.#onConnect(request, socket));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(error, socket));
    // A dropped request is one beyond maxRequestsPerSocket, which is not set.
  }

  configure(limits: HttpLimits): void {
    this.#limits = limits;
    this.#server.headersTimeout = limits.headerTimeout;
    Object.assign(this.#server, { maxHeaderSize: limits.header + parserSlack });
  }

  /** Resolves when the stream is over. Never rejects. */
  serve(stream: Duplex, application: Application): Promise<void> {
    return new Promise((resolve) => {
      const connection: Http1Connection = {
        application,
        limits: () => this.#limits,
        exchange: undefined,
        waiting: [],
        draining: this.#draining,
        idleSince: performance.now(),
      };
      this.#connections.set(stream, connection);
      const endIdle = this.#endIdle(stream, connection);
      stream.once('close', () => {
        endIdle();
        this.#connections.delete(stream);
        connection.waiting.length = 0;
        connection.exchange?.closed();
        resolve();
      });
      if (stream.destroyed) stream.emit('close');
      else this.#server.emit('connection', stream);
    });
  }

  /** Idle connections end now, the others with their next answer. */
  drain(): void {
    this.#draining = true;
    for (const [stream, connection] of this.#connections) {
      connection.draining = true;
      if (connection.exchange === undefined) stream.destroy();
    }
  }

  close(): void {
    for (const stream of this.#connections.keys()) stream.destroy();
    // Ends the look for timeouts, as Node's own close does.
    this.#server.close(() => {});
    this.#server.closeAllConnections();
  }

  #enqueue(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    // HTTP/0.9 has no header and no end; the parser still knows it.
    if (connection === undefined || request.httpVersionMajor < 1) return void request.socket.destroy();
    const exchange = new Http1Exchange(request, response, connection);
    if (connection.exchange === undefined) void answerInTurn(connection, exchange);
    // Answers go out in order, so running more than one at a time only costs memory.
    else if (connection.waiting.length >= this.#limits.concurrent) request.socket.destroy();
    else connection.waiting.push(exchange);
  }

  /**
   * Ends the connection when it has been idle for `http.limits.keepAlive`, or when its client has left the end of the
   * last answer untaken for `answerTimeout`; what it gives stops the watch.
   */
  #endIdle(stream: Duplex, connection: Http1Connection): () => void {
    // One timer a connection, not one a request.
    const look = () => {
      const { keepAlive, answerTimeout } = this.#limits;
      const isRunning = connection.exchange !== undefined;
      const idle = isRunning ? 0 : performance.now() - connection.idleSince;
      const isTaken = isRunning || stream.writableLength === 0;
      const limit = isTaken ? keepAlive : answerTimeout;
      if (idle >= limit) {
        if (isTaken) return finish(stream);
        connection.application.tooSlow();
        return void stream.destroy();
      }
      const next = isTaken && idle < answerTimeout ? Math.min(keepAlive, answerTimeout) : limit;
      timer = setTimeout(look, Math.max(10, next - idle)).unref();
    };
    let timer = setTimeout(look, Math.min(this.#limits.keepAlive, this.#limits.answerTimeout)).unref();
    return () => clearTimeout(timer);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket);
    // Node has let go of the socket; an earlier request that is still running has no way to be answered in order.
    if (connection === undefined || connection.exchange !== undefined || isAnswering(socket))
      return void socket.destroy();
    socket.on('error', () => {});
    if (!isWebSocketRequest(request)) {
      // Another protocol is not on offer, and RFC 9110 7.8 lets the server go on as if it had not been asked for.
      socket.unshift(Buffer.concat([withoutUpgrade(request), head]));
      this.#server.emit('connection', socket);
      return;
    }
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.assignSocket(request.socket);
    const exchange = new Http1Exchange(request, response, connection, socket);
    connection.exchange = exchange;
    void exchange.run().then((upgraded) => {
      if (upgraded) return;
      connection.exchange = undefined;
      finish(socket);
    });
  }

  /** A tunnel is not on offer: answered like any unknown path. The connection cannot be used any more. */
  #onConnect(request: IncomingMessage, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.exchange !== undefined || isAnswering(socket))
      return void socket.destroy();
    socket.on('error', () => {});
    const response = new ServerResponse(request);
    response.assignSocket(request.socket);
    const exchange = new Http1Exchange(request, response, connection);
    connection.exchange = exchange;
    void exchange.run().then(() => finish(socket));
  }
}

/** Answers it, and then what has come meanwhile. Never rejects. */
async function answerInTurn(connection: Http1Connection, first: Http1Exchange): Promise<void> {
  for (let next: Http1Exchange | undefined = first; next !== undefined; next = connection.waiting.shift()) {
    connection.exchange = next;
    await next.run();
    connection.exchange = undefined;
    connection.idleSince = performance.now();
  }
}

class Http1Exchange implements Exchange, HttpRequest {
  readonly version: HttpVersion;
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly protocol: string | undefined;
  readonly upgrade: Upgrade | undefined;
  onSent: ((sent: Sent) => void) | undefined = undefined;
  readonly body: Readable | null;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Http1Connection;
  /** Trips when the client goes before it has the answer. */
  readonly #gone = new Latch<true>();
  #upgraded = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    connection: Http1Connection,
    upgradable?: Duplex,
  ) {
    this.#request = request;
    this.#response = response;
    this.#connection = connection;
    this.version = request.httpVersion === '1.0' ? '1.0' : '1.1';
    this.method = request.method ?? 'GET';
    const { target, authority } = targetOf(request);
    this.target = target;
    this.authority = authority;
    this.protocol = upgradable && 'websocket';
    this.upgrade = upgradable && { accept: (headers) => this.#accept(upgradable, headers) };
    const { headers } = request;
    const hasBody =
      headers['transfer-encoding'] !== undefined ||
      (headers['content-length'] !== undefined && headers['content-length'] !== '0');
    this.body = hasBody ? request : null;
    response.on('error', ignore);
  }

  get request(): HttpRequest {
    return this;
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  fields(name: string): number {
    const { rawHeaders } = this.#request;
    let count = 0;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const field = rawHeaders[index] ?? '';
      if (field.length === name.length && field.toLowerCase() === name) count++;
    }
    return count;
  }

  continue(): void {
    if (this.#request.headers.expect?.toLowerCase() === '100-continue' && !this.#response.headersSent)
      this.#response.writeContinue();
  }

  onGone(listener: () => void): void {
    this.#gone.on(listener);
  }

  /** The connection has closed. */
  closed(): void {
    if (!this.#response.writableFinished) this.#gone.trip(true);
  }

  /** Whether the bytes of the connection have another owner now. Never rejects. */
  async run(): Promise<boolean> {
    // It has waited behind another, and nobody waits for it any more.
    if (this.#request.socket.destroyed) return false;
    try {
      const answer = await this.#connection.application.serve(this);
      if (answer === undefined) {
        this.onSent?.({ status: 101, bytes: 0 });
        return this.#upgraded;
      }
      const { bytes, tooSlow } = await this.#write(answer);
      // One who was too slow has gone: whoever still works for him is told.
      if (!tooSlow) this.#gone.forget();
      this.onSent?.({ status: answer.status, bytes, tooSlow });
    } catch {
      // A field that cannot be written, as of a route that another plugin contributes.
      this.#request.socket.destroy();
    }
    return false;
  }

  async #write({ status, headers, body, close }: Answer): Promise<Pumped> {
    const response = this.#response;
    const request = this.#request;
    if (response.destroyed) return nothing;
    if (this.#connection.draining || close === true) response.shouldKeepAlive = false;
    if (status === 426) {
      // RFC 9110 7.8: the field counts for this connection alone; one that was to be upgraded ends.
      const goesOn = response.shouldKeepAlive && this.upgrade === undefined;
      headers['connection'] = goesOn ? 'Upgrade' : 'close, Upgrade';
    }
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
      const length = body === undefined ? 0 : Buffer.byteLength(body);
      // RFC 9110 8.6: none on 204 and 304.
      if (status !== 204 && status !== 304) headers['Content-Length'] ??= String(length);
      if (length <= portion || this.method === 'HEAD') {
        response.writeHead(status, headers);
        this.#leaveBody();
        if (this.method === 'HEAD') {
          response.end();
          return nothing;
        }
        response.end(body);
        return { bytes: length, tooSlow: false };
      }
    }
    response.writeHead(status, headers);
    if (body === undefined || this.method === 'HEAD' || status === 204 || status === 304) {
      discard(body);
      response.end();
      this.#leaveBody();
      return nothing;
    }
    response.flushHeaders();
    try {
      const pumped = await pump(body, response, {
        onGone: (listener) => this.#gone.on(listener),
        patience: patienceFor(headers, this.#connection.limits().answerTimeout),
      });
      this.#leaveBody();
      if (pumped.tooSlow) request.socket.destroy();
      else response.end();
      return pumped;
    } catch {
      // The end of the answer must not look like its end.
      request.socket.destroy();
      return nothing;
    }
  }

  /** Reads on a little, so that the client that still sends gets to see the answer, and then gives up. */
  #leaveBody(): void {
    const { body } = this;
    if (body === null || body.readableEnded || body.destroyed) return;
    let left = unwanted;
    body.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) this.#request.socket.destroy();
    });
    const socket = this.#request.socket;
    const timer = setTimeout(() => socket.destroy(), 5000);
    timer.unref();
    body.once('close', () => clearTimeout(timer));
  }

  #accept(socket: Duplex, headers: HeaderFields): Duplex {
    this.#upgraded = true;
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'];
    for (const [name, value] of Object.entries(headers))
      for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
    this.#response.detachSocket(this.#request.socket);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    return socket;
  }
}

/** Of an answer whose client has gone; that the connection is closed tells everybody. */
function ignore(): void {}

/** Milliseconds that a client has to read the last answer while what it still sends is thrown away. */
const farewell = 1000;

/** An orderly end: a reset would take the last answer with it. Nobody else reads what still comes. */
function finish(socket: Duplex, text?: string): void {
  const destroy = () => void socket.destroy();
  const timer = setTimeout(destroy, farewell).unref();
  socket.once('close', () => clearTimeout(timer)).once('end', destroy);
  if (text === undefined) socket.end();
  else socket.end(text);
  socket.resume();
}

/** RFC 9112 3.2: a server accepts the absolute form, and the authority in it goes before `Host`. */
function targetOf(request: IncomingMessage): { readonly target: string; readonly authority: string } {
  const url = request.url ?? '/';
  const host = request.headers.host ?? '';
  if (url.startsWith('/')) return { target: url, authority: host };
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url);
  if (absolute === null) return { target: url, authority: host };
  const [, authority = '', rest = ''] = absolute;
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

function isWebSocketRequest({ method, headers, httpVersion, url }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    (url ?? '').split('?', 1)[0] === '/alknet/call'
  );
}

/** The head of a request as it came, but for the wish to speak another protocol. */
function withoutUpgrade(request: IncomingMessage): Buffer {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'upgrade' || lower === 'http2-settings' || lower === 'connection') continue;
    lines.push(`${name}: ${rawHeaders[index + 1] ?? ''}`);
  }
  if (/(^|[\s,])close([\s,]|$)/i.test(request.headers.connection ?? '')) lines.push('Connection: close');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** What the parser or its clock refuses. A client that is slow gets nothing: it would read slowly, too. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  socket.on('error', () => {});
  if (
    !socket.writable ||
    socket.destroyed ||
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ||
    isAnswering(socket)
  ) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  finish(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Bytes of our own between those of an answer would be taken for a part of it. */
function isAnswering(socket: Duplex & { readonly _httpMessage?: unknown }): boolean {
  return socket._httpMessage !== undefined && socket._httpMessage !== null;
}
