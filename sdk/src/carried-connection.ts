/**
 * The one implementation of {@link Connection}, over whatever carries its streams. QUIC, TLS, a stream that was handed
 * over and the in-memory pair differ only in their {@link Carrier}, so a plugin cannot tell them apart.
 *
 * @module
 */

import type { Readable, Writable } from 'node:stream';
import type { Connection, OpenStreamOptions, Stream } from './connection.ts';
import { type CloseInfo, ConnectionError } from './errors.ts';
import type { AuthContext, Identity, RemoteAddress } from './identity.ts';

/** What a transport has to offer to become a connection. */
export interface Carrier {
  readonly multiplexed: boolean;
  /** Never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** Set once; streams that the peer opened before wait, unread. */
  serve(onStream: (stream: Stream) => void): void;
  openStream(options?: OpenStreamOptions): Promise<Stream>;
  /** Ends it at once. The first call wins. */
  close(code: number, reason: string, by?: 'local' | 'host'): void;
}

/** What is known of a connection before its first stream. */
export interface ConnectionFacts {
  readonly id: string;
  readonly alpn: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  readonly serverName: string | null;
  readonly auth: AuthContext;
}

export class CarriedConnection implements Connection {
  readonly id: string;
  readonly alpn: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  readonly serverName: string | null;
  readonly auth: AuthContext;
  readonly closed: Promise<CloseInfo>;
  protected readonly carrier: Carrier;
  private readonly release = new AbortController();
  private identified: Identity | null = null;
  private iterated = false;

  constructor(carrier: Carrier, facts: ConnectionFacts) {
    this.carrier = carrier;
    this.id = facts.id;
    this.alpn = facts.alpn;
    this.transport = facts.transport;
    this.remote = facts.remote;
    this.serverName = facts.serverName;
    this.auth = facts.auth;
    this.closed = carrier.closed;
    void carrier.closed.then((info) => this.letGo(connectionClosed(info)));
  }

  get multiplexed(): boolean {
    return this.carrier.multiplexed;
  }

  get signal(): AbortSignal {
    return this.release.signal;
  }

  /** The identity that the protocol established, else that of the handshake. */
  get identity(): Identity | null {
    return this.identified ?? this.auth.identity;
  }

  /** Nothing: one-way streams exist only with ALPN `h3` on QUIC (`docs/spec/endpoint.md` 3). */
  get unidirectional(): AsyncIterable<Readable> {
    return nothing;
  }

  [Symbol.asyncIterator](): AsyncIterator<Stream, undefined, undefined> {
    if (this.iterated)
      throw new Error(`connection ${this.id}: its streams are iterated already; one iterator a connection`);
    this.iterated = true;
    return incomingStreams(this.carrier);
  }

  openStream(options?: OpenStreamOptions): Promise<Stream> {
    return this.carrier.openStream(options);
  }

  async openUnidirectional(_options?: OpenStreamOptions): Promise<Writable> {
    throw new ConnectionError('STREAM_CLOSED', `connection ${this.id} (${this.alpn}) has no one-way streams`);
  }

  identify(identity: Identity): void {
    if (this.identified !== null) {
      throw new Error(`connection ${this.id} is identified already, as ${this.identified.id}`);
    }
    this.identified = identity;
  }

  close(code = 0, reason = ''): void {
    this.carrier.close(checkedCloseCode(code), cutReason(reason), 'local');
  }

  /** Aborts `signal`: the connection is over, or its plugin must let go of it. */
  letGo(reason: unknown): void {
    this.release.abort(reason);
  }
}

/** What every stream and waiter of a connection fails with once it is over. */
export function connectionClosed(info: CloseInfo): ConnectionError {
  const reason = info.reason === '' ? '' : `: ${info.reason}`;
  return new ConnectionError(
    'CONNECTION_CLOSED',
    `connection closed by ${info.by}, code ${info.code}${reason}`,
    {
      closeInfo: info,
    },
  );
}

const maxReason = 256;

/** At most 256 bytes of UTF-8, cut at a character boundary. */
export function cutReason(reason: string): string {
  if (reason.length * 3 <= maxReason) return reason;
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= maxReason) return reason;
  let end = maxReason;
  // 0b10xxxxxx continues a character (RFC 3629 3).
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/** QUIC varints end at 2^62−1; a number is exact up to 2^53−1. */
function checkedCloseCode(code: number): number {
  if (!Number.isSafeInteger(code) || code < 0) {
    throw new RangeError(`close code: expected an integer from 0 to 2^53-1, got ${code}`);
  }
  return code;
}

const nothing: AsyncIterable<never> = {
  async *[Symbol.asyncIterator]() {},
};

/** The streams of the peer in order of arrival, done when the connection is over. */
function incomingStreams(carrier: Carrier): AsyncIterator<Stream, undefined, undefined> {
  type Result = IteratorResult<Stream, undefined>;
  const done: Result = { done: true, value: undefined };
  const arrived: Stream[] = [];
  const waiting: ((result: Result) => void)[] = [];
  let over = false;

  const finish = () => {
    over = true;
    for (const stream of arrived.splice(0)) stream.destroy();
    for (const resolve of waiting.splice(0)) resolve(done);
  };
  carrier.serve((stream) => {
    if (over) {
      stream.destroy();
      return;
    }
    const resolve = waiting.shift();
    if (resolve === undefined) arrived.push(stream);
    else resolve({ done: false, value: stream });
  });
  void carrier.closed.then(finish);

  return {
    next() {
      const stream = arrived.shift();
      if (stream !== undefined) return Promise.resolve({ done: false, value: stream });
      if (over) return Promise.resolve(done);
      return new Promise((resolve) => waiting.push(resolve));
    },
    /** The plugin left its loop: what the peer still opens is given up, not left to wait for ever. */
    return() {
      finish();
      return Promise.resolve(done);
    },
  };
}
