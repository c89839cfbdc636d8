/**
 * A session of the call protocol: the same object on both sides of a connection, each of which may call the other.
 *
 * @example
 * const session = createSession(connection, { serve: serveOperations([greet]) });
 * await session.call('clock/now', {});
 * for await (const tick of session.subscribe('clock/ticks', {})) console.log(tick);
 *
 * @module
 */

import type { CallerConnection } from '../context.ts';
import { CallError, CloseCode, type CloseInfo, ConnectionError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { AnyOperation } from '../operation.ts';
import type { CallLimits } from '../plugin.ts';
import { type Client, makeClient, type PluginClient, type PluginType } from './client.ts';
import type { Envelope } from './envelope.ts';
import type {
  EnvelopeStream,
  EnvelopeStreamEvents,
  EnvelopeTransport,
  SessionConnection,
} from './envelope-stream.ts';
import { IncomingCalls } from './incoming.ts';
import { defaultCallLimits } from './limits.ts';
import { OutgoingCalls, type Streams } from './outgoing.ts';
import type { CallOptions } from './request-text.ts';
import type { Server } from './server.ts';
import { performance, type Timer, timer } from './time.ts';

export type { CallOptions } from './request-text.ts';

export interface SessionOptions {
  /** What answers requests; absent: every one is `NOT_FOUND`. */
  serve?: Server;
  /** Read at each use. */
  limits?: Readonly<CallLimits>;
  log?: Log;
}

export interface SessionStats {
  readonly serving: number;
  readonly subscriptionsServed: number;
  readonly pending: number;
  readonly subscribed: number;
  readonly streams: number;
}

/** Milliseconds that the last frames of a draining session have to leave. */
const lastFrames = 100;

export class Session {
  readonly connection: SessionConnection;
  /** Settles when the connection is over and every request that was served has settled. Never rejects. */
  readonly closed: Promise<CloseInfo>;
  readonly #limits: Readonly<CallLimits>;
  readonly #log: Log;
  readonly #incoming: IncomingCalls;
  readonly #outgoing: OutgoingCalls;
  readonly #streams = new Set<EnvelopeStream>();
  readonly #transport: EnvelopeTransport;
  #shared: EnvelopeStream | undefined;
  #opening: Promise<EnvelopeStream> | undefined;
  #single:
    | { readonly promise: Promise<EnvelopeStream>; readonly resolve: (stream: EnvelopeStream) => void }
    | undefined;
  #over = false;
  #draining = false;
  #quiet: (() => void) | undefined;
  #settledAt = Number.NEGATIVE_INFINITY;
  #farewell: Timer | undefined;

  constructor(transport: EnvelopeTransport, options: SessionOptions = {}) {
    const { connection } = transport;
    this.connection = connection;
    this.#transport = transport;
    this.#limits = options.limits ?? defaultCallLimits;
    this.#log = (options.log ?? silentLog).child({ connection: connection.id });
    const settled = (stream: EnvelopeStream) => this.#settled(stream);
    this.#incoming = new IncomingCalls({
      server: options.serve,
      limits: this.#limits,
      connection: this.#callerConnection(),
      log: this.#log,
      settled,
    });
    this.#outgoing = new OutgoingCalls({
      streams: this.#streamChoice(),
      limits: this.#limits,
      serving: (id) => this.#incoming.has(id),
      settled,
    });
    if (!connection.multiplexed) {
      let resolve: (stream: EnvelopeStream) => void = () => {};
      const promise = new Promise<EnvelopeStream>((done) => {
        resolve = done;
      });
      this.#single = { promise, resolve };
    }
    void this.#accept();
    this.closed = this.#end();
  }

  /** Output of a query or mutation; of a subscription the first value. Always rejects with a {@link CallError}. */
  call(name: string, input?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#outgoing.call(name, input, options);
  }

  /** Values of a subscription, to be iterated once; the request is sent at once. */
  subscribe(
    name: string,
    input?: unknown,
    options?: CallOptions,
  ): AsyncIterableIterator<unknown, undefined, undefined> {
    return this.#outgoing.subscribe(name, input, options);
  }

  /** Names, inputs and outputs typed by operation definitions. */
  client<const Operations extends readonly AnyOperation[]>(operations: Operations): Client<Operations>;
  /** The same by the type of a plugin alone: `session.client<typeof clock>()` after `import type clock from …`. */
  client<Of extends PluginType>(): PluginClient<Of>;
  client(operations: readonly AnyOperation[] = []): Client<readonly AnyOperation[]> {
    return makeClient(operations, {
      call: (name, input, options, known) => this.#outgoing.call(name, input, options, known),
      subscribe: (name, input, options, known) => this.#outgoing.subscribe(name, input, options, known),
    });
  }

  get stats(): SessionStats {
    return {
      serving: this.#incoming.serving,
      subscriptionsServed: this.#incoming.subscriptions,
      pending: this.#outgoing.pending,
      subscribed: this.#outgoing.subscribed,
      streams: this.#streams.size,
    };
  }

  /** Aborts what is served, fails what is pending, closes the connection. */
  close(code: number = CloseCode.DONE, reason = ''): void {
    if (this.#over) return;
    this.#incoming.abortAll(new CallError('ABORTED', 'aborted'), true);
    this.connection.close(code, reason);
  }

  /** Gives up what is served and tells the other side; the connection is somebody else's to close. */
  letGo(): void {
    this.#incoming.abortAll(new CallError('ABORTED', 'aborted'), true);
  }

  /** Closes with `SHUTDOWN` as soon as nothing is in flight; calls that still come are served. */
  drain(): void {
    this.#draining = true;
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (!this.#draining || this.#over || !this.#incoming.idle || !this.#outgoing.idle) return;
    // A close discards what is unsent: the last frames leave first.
    const wait = this.#settledAt + lastFrames - performance.now();
    if (wait <= 0) this.connection.close(CloseCode.SHUTDOWN, 'shutdown');
    else this.#farewell ??= timer(() => this.#closeAfterFrames(), wait);
  }

  #closeAfterFrames(): void {
    this.#farewell = undefined;
    this.#closeWhenIdle();
  }

  #callerConnection(): CallerConnection {
    const { id, transport, remote } = this.connection;
    return {
      id,
      transport,
      remote,
      call: (name, input, options) => this.call(name, input, options),
      subscribe: (name, input, options) => this.subscribe(name, input, options),
    };
  }

  // ── streams ────────────────────────────────────────────────────────────────────────────────────────────────────

  async #accept(): Promise<void> {
    try {
      await this.#transport.accept(this.#streamEvents());
    } catch (error) {
      this.#log.debug('streams ended', { reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #streamEvents(): EnvelopeStreamEvents {
    return {
      opened: (stream) => {
        this.#streams.add(stream);
        this.#single?.resolve(stream);
      },
      envelope: (stream, envelope, size) => this.#envelope(stream, envelope, size),
      ended: (stream) => {
        this.#outgoing.lost(stream, this.#ordinaryLoss);
        this.#halfClose(stream);
      },
      closed: (stream, reason = this.#ordinaryLoss, cause) => {
        this.#streams.delete(stream);
        if (this.#shared === stream) this.#shared = undefined;
        this.#outgoing.lost(stream, reason, cause);
        this.#incoming.lost(stream, reason);
      },
      bad: (_stream, reason) => this.#log.warn('bad frame', { reason }),
    };
  }

  /** Why calls on a stream fail that has simply ended; the only stream is the connection. */
  get #ordinaryLoss(): string {
    return this.connection.multiplexed ? 'stream closed' : 'connection closed';
  }

  #streamChoice(): Streams {
    const session = this;
    return {
      multiplexed: this.connection.multiplexed,
      get shared() {
        const stream = session.#shared;
        return stream === undefined || stream.over || stream.writeEnded || stream.readEnded
          ? undefined
          : stream;
      },
      openShared: () => this.#openShared(),
      openOwn: (signal) => this.#transport.open(signal),
    };
  }

  #openShared(): Promise<EnvelopeStream> {
    this.#opening ??= (this.#single?.promise ?? this.#transport.open()).then(
      (stream) => {
        this.#shared = stream;
        this.#opening = undefined;
        return stream;
      },
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  #envelope(stream: EnvelopeStream, envelope: Envelope, size: number): boolean {
    switch (envelope.type) {
      case 'call.requested':
        return this.#incoming.request(stream, envelope.id, envelope.payload);
      case 'call.responded':
      case 'call.completed':
      case 'call.error':
        return this.#outgoing.answer(envelope, size);
      case 'call.aborted':
        return this.#incoming.aborted(envelope.id) || this.#outgoing.answer(envelope, size);
      case 'call.window':
        this.#incoming.window(envelope.id, envelope.payload);
        return true;
      default:
        this.#log.debug('unknown event', { type: envelope.type.slice(0, 64) });
        return true;
    }
  }

  /** Something that used the stream is finished. */
  #settled(stream: EnvelopeStream): void {
    this.#settledAt = performance.now();
    this.#halfClose(stream);
    this.#closeWhenIdle();
    if (this.#incoming.idle) this.#quiet?.();
  }

  /** The callee half-closes when the peer has, and all is answered. */
  #halfClose(stream: EnvelopeStream): void {
    if (stream.readEnded && this.#incoming.open(stream) === 0 && !this.#outgoing.open(stream)) stream.end();
  }

  async #end(): Promise<CloseInfo> {
    const info = await this.connection.closed;
    this.#over = true;
    clearTimeout(this.#farewell);
    this.#outgoing.close(
      new CallError('INTERNAL', 'connection closed', {
        cause: new ConnectionError('CONNECTION_CLOSED', 'connection closed', { closeInfo: info }),
      }),
    );
    this.#incoming.abortAll(new CallError('ABORTED', 'connection closed'), false);
    if (!this.#incoming.idle) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve;
      });
    }
    return info;
  }
}
