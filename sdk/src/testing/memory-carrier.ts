/**
 * What carries a many-stream connection in memory: stream ids, stream credit and the close of `docs/spec/endpoint.md` 3.
 *
 * @example
 * const [near, far] = carrierPair({ streams: 16 });
 * far.serve((stream) => stream.pipe(stream));
 * const stream = await near.openStream();
 *
 * @module
 */

import { type Carrier, connectionClosed } from '../carried-connection.ts';
import type { OpenStreamOptions, Stream } from '../connection.ts';
import { type CloseInfo, ConnectionError } from '../errors.ts';
import { MemoryStream } from './memory-stream.ts';

export interface CarrierPairOptions {
  /** Streams that each end may have open towards the other. Default 256, as `limits.streamsPerConnection`. */
  readonly streams?: number;
  /** Default 65536 in each direction. */
  readonly highWaterMark?: number;
}

/** The first end is the one that dialled; its streams have even ids. */
export function carrierPair(options: CarrierPairOptions = {}): [MemoryCarrier, MemoryCarrier] {
  const { streams = 256, highWaterMark = 65_536 } = options;
  const near = new MemoryCarrier({ firstId: 0, streams, highWaterMark });
  const far = new MemoryCarrier({ firstId: 1, streams, highWaterMark });
  near.join(far);
  far.join(near);
  return [near, far];
}

const maxWaiters = 1024;

interface Waiter {
  readonly resolve: (stream: Stream) => void;
  readonly reject: (error: unknown) => void;
}

export class MemoryCarrier implements Carrier {
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

  /** Ends this end alone: the other learns nothing of it. What the peer had ended before its close can still be read. */
  finish(info: CloseInfo): void {
    if (this.over !== undefined) return;
    this.over = info;
    const error = connectionClosed(info);
    for (const waiter of this.waiters) waiter.reject(error);
    this.waiters.clear();
    for (const stream of this.open) stream.cut(error, info.by === 'peer');
    this.report(info);
  }

  /** Streams open now, and the bytes in them that are unread or unsent. */
  stats(): { readonly streams: number; readonly buffered: number } {
    let buffered = 0;
    for (const stream of this.open) buffered += stream.readableLength + stream.writableLength;
    return { streams: this.open.size, buffered };
  }

  /** Resolves when all that was written has crossed, or its stream is over. */
  async flushed(): Promise<void> {
    await Promise.all([...this.open].map((stream) => stream.flushed()));
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
