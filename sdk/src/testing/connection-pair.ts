/**
 * Two ends of a many-stream connection without a network, for tests of plugins and protocols. Streams have ids, stream
 * credit, back-pressure, half-close, reset and stop as on QUIC (`docs/spec/endpoint.md` 3 and 4).
 *
 * @example
 * const { client, server } = connectionPair('acme/echo');
 * void plugin.connection(server);
 * const stream = await client.openStream();
 *
 * @module
 */

import { CarriedConnection, type Carrier, connectionClosed } from '../carried-connection.ts';
import type { Connection, OpenStreamOptions, Stream } from '../connection.ts';
import { type CloseInfo, ConnectionError } from '../errors.ts';
import type { AuthContext, RemoteAddress } from '../identity.ts';
import { MemoryStream } from './memory-stream.ts';

export interface ConnectionPairOptions {
  /** Streams that each end may have open towards the other. Default 256, as `limits.streamsPerConnection`. */
  readonly streams?: number;
  /** Default 65536 in each direction. */
  readonly highWaterMark?: number;
  readonly serverName?: string | null;
  /** What the server knows of the client. Default: anonymous, from 127.0.0.1. */
  readonly client?: Partial<AuthContext>;
  /** What the client knows of the server. */
  readonly server?: Partial<AuthContext>;
}

export interface ConnectionPair {
  /** The end that dialled; its streams have even ids. */
  readonly client: Connection;
  readonly server: Connection;
}

const maxWaiters = 1024;
let made = 0;

export function connectionPair(alpn: string, options: ConnectionPairOptions = {}): ConnectionPair {
  const id = `memory-${++made}`;
  const streams = options.streams ?? 256;
  const highWaterMark = options.highWaterMark ?? 65_536;
  const near = new MemoryCarrier({ firstId: 0, streams, highWaterMark });
  const far = new MemoryCarrier({ firstId: 1, streams, highWaterMark });
  near.join(far);
  far.join(near);

  const connection = (
    carrier: MemoryCarrier,
    end: string,
    port: number,
    known: Partial<AuthContext> = {},
  ) => {
    const remote: RemoteAddress | null =
      known.remote === undefined ? { address: '127.0.0.1', port } : known.remote;
    const auth: AuthContext = Object.freeze({
      alpn,
      transport: 'quic',
      fingerprint: null,
      identity: null,
      ...known,
      remote,
    });
    const serverName = options.serverName ?? null;
    return new CarriedConnection(carrier, {
      id: `${id}-${end}`,
      alpn,
      transport: auth.transport,
      remote,
      serverName,
      auth,
    });
  };
  return {
    client: connection(near, 'client', 4433, options.server),
    server: connection(far, 'server', 50_000, options.client),
  };
}

interface Waiter {
  readonly resolve: (stream: Stream) => void;
  readonly reject: (error: unknown) => void;
}

class MemoryCarrier implements Carrier {
  readonly multiplexed = true;
  readonly closed: Promise<CloseInfo>;
  private report: (info: CloseInfo) => void = () => {};
  private over: CloseInfo | undefined;
  private other: MemoryCarrier | undefined;
  private nextId: number;
  private credit: number;
  private readonly highWaterMark: number;
  private readonly waiters = new Set<Waiter>();
  private readonly open = new Set<MemoryStream>();
  private readonly early: MemoryStream[] = [];
  private onStream: ((stream: Stream) => void) | undefined;

  constructor(options: { firstId: number; streams: number; highWaterMark: number }) {
    this.nextId = options.firstId;
    this.credit = options.streams;
    this.highWaterMark = options.highWaterMark;
    this.closed = new Promise((resolve) => {
      this.report = resolve;
    });
  }

  join(other: MemoryCarrier): void {
    this.other = other;
  }

  serve(onStream: (stream: Stream) => void): void {
    this.onStream = onStream;
    for (const stream of this.early.splice(0)) onStream(stream);
  }

  openStream({ signal }: OpenStreamOptions = {}): Promise<Stream> {
    return new Promise((resolve, reject) => {
      if (this.over !== undefined) return reject(connectionClosed(this.over));
      if (signal?.aborted) return reject(signal.reason);
      if (this.credit > 0) return resolve(this.make());
      if (this.waiters.size >= maxWaiters) {
        return reject(
          new ConnectionError('LIMIT', `${maxWaiters} openStream() calls wait for credit already`),
        );
      }
      const abort = () => {
        this.waiters.delete(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        resolve: (stream) => {
          signal?.removeEventListener('abort', abort);
          resolve(stream);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.waiters.add(waiter);
    });
  }

  close(code: number, reason: string, by: 'local' | 'host' = 'local'): void {
    this.finish({ code, reason, by });
    const { other } = this;
    queueMicrotask(() => other?.finish({ code, reason, by: 'peer' }));
  }

  private finish(info: CloseInfo): void {
    if (this.over !== undefined) return;
    this.over = info;
    const error = connectionClosed(info);
    for (const waiter of this.waiters) waiter.reject(error);
    this.waiters.clear();
    for (const stream of this.open) stream.cut(error);
    this.report(info);
  }

  private make(): Stream {
    const { other } = this;
    if (other === undefined) throw new Error('a memory carrier is used before it has another end');
    this.credit--;
    const id = this.nextId;
    this.nextId += 4;
    const near = new MemoryStream(id, this.highWaterMark, false);
    const far = new MemoryStream(id, other.highWaterMark, true);
    near.join(far);
    far.join(near);
    this.keep(near);
    near.onVisible = () => other.accept(far);
    // The peer renews the credit when its side of the stream is over; one that it never saw is renewed here.
    const renew = () => this.renew();
    far.once('close', renew);
    near.once('close', () => {
      if (!near.visible) renew();
    });
    return near;
  }

  private accept(stream: MemoryStream): void {
    if (this.over !== undefined) return;
    this.keep(stream);
    if (this.onStream === undefined) this.early.push(stream);
    else this.onStream(stream);
  }

  private keep(stream: MemoryStream): void {
    this.open.add(stream);
    stream.once('close', () => this.open.delete(stream));
  }

  private renew(): void {
    this.credit++;
    const [waiter] = this.waiters;
    if (waiter === undefined || this.over !== undefined) return;
    this.waiters.delete(waiter);
    waiter.resolve(this.make());
  }
}
