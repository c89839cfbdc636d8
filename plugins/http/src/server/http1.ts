/**
 * HTTP/1.1 (RFC 9112) over any Duplex, by Node's own parser in its strict mode. What the parser refuses (conflicting
 * lengths, bare CR or LF, folded lines, both Content-Length and Transfer-Encoding) ends the connection.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { HttpLimits } from '../config.ts';
import { type Http1Carrier, Http1Exchange } from './http1-exchange.ts';
import type { Application } from './message.ts';

/** Beyond the limits of the configuration the parser itself gives up; below, the walk answers 414 or 431. Bytes. */
const parserSlack = 16 * 1024;

/** Milliseconds between looks for connections whose header takes too long. */
const timeoutLook = 1000;

interface Http1Connection extends Http1Carrier {
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
