/**
 * A session on a WebSocket, or whatever else carries whole messages: one message is one envelope, without a length before
 * it. `docs/spec/http.md` 15.2.
 *
 * @module
 */

import { type CloseInfo, ConnectionError, StreamCode } from '../errors.ts';
import type { RemoteAddress } from '../identity.ts';
import type { CallLimits } from '../plugin.ts';
import { fits } from '../text.ts';
import { BadFrame } from './bad-frame.ts';
import { type Envelope, toEnvelope } from './envelope.ts';
import type {
  EnvelopeStream,
  EnvelopeStreamEvents,
  EnvelopeTransport,
  SessionConnection,
} from './envelope-stream.ts';

/** Bytes that may wait to be sent before subscriptions are asked for no more. */
const highWater = 1024 * 1024;

/** What carries the messages. Whoever has it tells `receive`, `flushed` and `over` of the {@link MessageTransport}. */
export interface MessageSocket {
  /** Bytes given to `send` that have not left. */
  readonly unsent: number;
  /** One binary message in UTF-8. */
  send(text: string): void;
  /** Ends both directions. `code` is one of `CloseCode` or `StreamCode`. */
  close(code: number, reason: string): void;
  /** Stop and go on reading. Without them messages are kept here, up to `limits.bufferedPerConnection`. */
  pause?(): void;
  resume?(): void;
}

export interface MessageTransportOptions {
  readonly id: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  /** Read at each use. */
  readonly limits: Readonly<CallLimits>;
  readonly socket: MessageSocket;
  /** The JSON value of a message. @throws BadFrame */
  readonly parse: (message: Uint8Array) => unknown;
}

export class MessageTransport implements EnvelopeTransport {
  readonly connection: SessionConnection;
  readonly #stream: MessageStream;
  #settle: (info: CloseInfo) => void = () => {};

  constructor(options: MessageTransportOptions) {
    const { id, transport, remote, socket } = options;
    this.#stream = new MessageStream(options);
    this.connection = {
      id,
      transport,
      remote,
      multiplexed: false,
      closed: new Promise((resolve) => {
        this.#settle = resolve;
      }),
      close: (code = 0, reason = '') => {
        socket.close(code, reason);
        this.over({ code, reason, by: 'local' });
      },
    };
  }

  async accept(events: EnvelopeStreamEvents): Promise<void> {
    this.#stream.serve(events);
    await this.connection.closed;
  }

  open(): Promise<never> {
    return Promise.reject(new ConnectionError('STREAM_CLOSED', 'a WebSocket is a single stream'));
  }

  /** A binary message has come. */
  receive(message: Uint8Array): void {
    this.#stream.receive(message);
  }

  /** Some of what waited to be sent has left. */
  flushed(): void {
    this.#stream.flushed();
  }

  /** Nothing more comes or goes. The first call tells why. */
  over(info: CloseInfo): void {
    this.#settle(info);
    this.#stream.close();
  }
}

class MessageStream implements EnvelopeStream {
  unanswered = 0;
  over = false;
  readonly readEnded = false;
  readonly writeEnded = false;
  readonly #options: MessageTransportOptions;
  #events: EnvelopeStreamEvents | undefined;
  #paused = false;
  #held: { readonly envelope: Envelope; readonly size: number } | undefined;
  /** Messages that came while reading is stopped. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #drained: (() => void)[] = [];
  #reason: string | undefined;

  constructor(options: MessageTransportOptions) {
    this.#options = options;
  }

  serve(events: EnvelopeStreamEvents): void {
    this.#events = events;
    events.opened(this);
  }

  get writable(): boolean {
    return !this.over && this.#options.socket.unsent < highWater;
  }

  fits(text: string): boolean {
    return fits(text, this.#options.limits.frame);
  }

  write(text: string): void {
    if (!this.over) this.#options.socket.send(text);
  }

  async drained(): Promise<void> {
    if (this.over || this.writable) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  flushed(): void {
    if (this.#drained.length === 0 || !this.writable) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** A WebSocket has no half: the session ends it by closing the connection. */
  end(): void {}

  destroy(streamCode: number, reason: string): void {
    if (this.over) return;
    this.#reason = reason;
    this.#options.socket.close(streamCode, reason);
    this.close();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#options.socket.pause?.();
  }

  resume(): void {
    if (!this.#paused || this.over) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && !this.#deliver(held.envelope, held.size)) return;
    while (!this.#paused && !this.over) {
      const message = this.#waiting.shift();
      if (message === undefined) {
        this.#options.socket.resume?.();
        return;
      }
      this.#waitingBytes -= message.length;
      this.#read(message);
    }
  }

  receive(message: Uint8Array): void {
    if (this.over) return;
    if (!this.#paused) {
      this.#read(message);
      return;
    }
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    const { frame, bufferedPerConnection } = this.#options.limits;
    if (this.#waitingBytes > Math.max(frame, bufferedPerConnection))
      this.#bad(new BadFrame('too much came while nothing could be taken'));
  }

  #read(message: Uint8Array): void {
    try {
      const { frame } = this.#options.limits;
      if (message.length > frame) {
        const size = `${message.length} bytes, limits.frame is ${frame}`;
        throw new BadFrame(`a message of ${size}`, StreamCode.FRAME_TOO_LARGE);
      }
      this.#deliver(toEnvelope(this.#options.parse(message)), message.length);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.#bad(error);
    }
  }

  #deliver(envelope: Envelope, size: number): boolean {
    if (this.#events === undefined || this.#events.envelope(this, envelope, size)) return true;
    this.#held = { envelope, size };
    this.pause();
    return false;
  }

  #bad(error: BadFrame): void {
    this.#events?.bad(this, error.message);
    this.destroy(error.streamCode, `stream closed: ${error.message}`);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.#held = undefined;
    this.#waiting = [];
    for (const resolve of this.#drained.splice(0)) resolve();
    this.#events?.closed(this, this.#reason, undefined);
  }
}
