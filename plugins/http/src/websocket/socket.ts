/**
 * A WebSocket on bytes that are upgraded already, over HTTP/1.1 or a stream of HTTP/2: framing by `ws`, pings, and what
 * leaves in one turn in one write. `docs/spec/http.md` 15.2.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { CloseCode } from '@alknet/sdk';
import type { MessageSocket } from '@alknet/sdk/call';
import { WebSocket } from 'ws';
import { webSocketClose } from './close-code.ts';

/** Milliseconds between two pings. */
const pingPeriod = 30_000;
/** Pings in a row without an answer that end the session. */
const missedPings = 2;
/** Milliseconds that a client has to answer a close frame. */
const closeTimeout = 2000;

/** `ws` has no public way to take bytes whose upgrade somebody else has answered; its own server does it by this. */
interface UpgradedSocket extends WebSocket {
  setSocket(
    stream: Duplex,
    head: Buffer,
    options: { maxPayload: number; allowSynchronousEvents: boolean; skipUTF8Validation: boolean },
  ): void;
}

export interface SocketEvents {
  message(message: Buffer): void;
  /** Some of what waited to be sent has left. */
  flushed(): void;
  /** So many bytes wait to be sent that the session is being ended. */
  overfull(bytes: number): void;
  /** `code` of WebSocket; 1006 when there was no close frame. */
  over(code: number, reason: string): void;
}

export interface SocketLimits {
  /** Bytes of one message. */
  readonly message: number;
  /** Bytes that may wait to be sent; read at each use. */
  readonly buffered: () => number;
}

export class Socket implements MessageSocket {
  readonly #stream: Duplex;
  readonly #socket: UpgradedSocket;
  readonly #limits: SocketLimits;
  readonly #flushed: () => void;
  readonly #overfull: (bytes: number) => void;
  readonly #pings: NodeJS.Timeout;
  #unanswered = 0;
  #corked = false;
  #closing = false;

  constructor(stream: Duplex, limits: SocketLimits, events: SocketEvents) {
    this.#stream = stream;
    this.#limits = limits;
    this.#flushed = () => events.flushed();
    this.#overfull = (bytes) => events.overfull(bytes);
    const socket: UpgradedSocket = Reflect.construct(WebSocket, [
      null,
      undefined,
      { autoPong: true, closeTimeout },
    ]);
    this.#socket = socket;
    this.#pings = setInterval(() => this.#ping(), pingPeriod);
    this.#pings.unref();
    socket.on('message', (message: Buffer, isBinary: boolean) => {
      if (this.#closing) return;
      if (isBinary) events.message(message);
      else this.#end(1002, 'text messages not supported');
    });
    socket.on('pong', () => {
      this.#unanswered = 0;
    });
    // What breaks RFC 6455 is answered by `ws` itself with the code that fits; the close below tells of it.
    socket.on('error', () => {});
    socket.on('close', (code: number, reason: Buffer) => {
      clearInterval(this.#pings);
      this.#closing = true;
      events.over(code, reason.toString('utf8'));
    });
    socket.setSocket(stream, Buffer.alloc(0), {
      maxPayload: limits.message,
      allowSynchronousEvents: true,
      skipUTF8Validation: false,
    });
  }

  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: string): void {
    if (this.#closing) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      // After the promises that this turn has settled, and before the event loop goes on.
      queueMicrotask(() => process.nextTick(() => this.#uncork()));
    }
    this.#socket.send(text, { binary: true }, this.#flushed);
    const waiting = this.#socket.bufferedAmount;
    if (waiting <= this.#limits.buffered()) return;
    this.#overfull(waiting);
    this.close(CloseCode.LIMIT, '');
  }

  #uncork(): void {
    this.#corked = false;
    this.#stream.uncork();
  }

  close(code: number, reason: string): void {
    const { code: closeCode, reason: text } = webSocketClose(code, reason);
    this.#end(closeCode, text);
  }

  #end(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    // One that is not read is not answered either: the close frame of the other side must be seen.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #ping(): void {
    if (this.#unanswered >= missedPings) {
      this.#socket.terminate();
      return;
    }
    this.#unanswered++;
    this.#socket.ping();
  }
}
