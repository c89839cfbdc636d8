/**
 * One request of HTTP/1.1 and its answer, between Node's parser and the application. RFC 9112.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
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

/** Bytes of a body that nobody wants which are read so that the client sees the answer; beyond, the connection ends. */
const unwanted = 256 * 1024;

/** What an exchange needs of its connection. */
export interface Http1Carrier {
  readonly application: Application;
  readonly limits: () => HttpLimits;
  /** The answer is the last of the connection. */
  readonly draining: boolean;
}

export class Http1Exchange implements Exchange, HttpRequest {
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
  readonly #connection: Http1Carrier;
  /** Trips when the client goes before it has the answer. */
  readonly #gone = new Latch<true>();
  #upgraded = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    connection: Http1Carrier,
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
