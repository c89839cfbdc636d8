/**
 * The streams of one QUIC connection: those of the peer and our own, from their opening to their end. What comes on them is
 * in `receiving.ts`, what goes in `sending.ts`. `docs/spec/endpoint.md` 3, 4 and 6.3.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { CloseInfo, OpenStreamOptions, Stream } from '@alknet/sdk';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { Shutdown } from '@matrixai/quic/native/types.js';
import type { TransportStats } from '../engine.ts';
import { Finishing, shutdown } from './finishing.ts';
import { LateEnds } from './late-ends.ts';
import { Leftovers } from './leftovers.ts';
import { OpenWaiters } from './open-waiters.ts';
import { PeerStreamIds } from './peer-stream-ids.ts';
import { closedError, errorText, isDone, streamError } from './quiche-error.ts';
import { Receiving, type ReceivingCarrier } from './receiving.ts';
import { Sending, type SendingCarrier } from './sending.ts';
import { QuicStream, type StreamOwner } from './stream.ts';

/** What the streams need of their connection. */
export interface StreamCarrier extends SendingCarrier, ReceivingCarrier {
  readonly native: QuicheConnection;
  readonly role: 'client' | 'server';
  readonly flood: SendingCarrier['flood'] & ReceivingCarrier['flood'];
  /** Set when the connection has ended. */
  readonly closeInfo: CloseInfo | undefined;
  readonly closed: Promise<CloseInfo>;
  /** Milliseconds that no timer but the idle one takes. */
  readonly quietAbove: number;
  /** Resolves when nothing is scheduled any more. */
  quiet(): Promise<void>;
}

/** Streams that are asked one by one for data, rather than quiche for its list. */
const maxAsked = 32;

const noBytes = Buffer.alloc(0);

export class QuicStreams implements StreamOwner {
  readonly #carrier: StreamCarrier;
  readonly #streams = new Map<number, QuicStream>();
  readonly #waiters = new OpenWaiters();
  /** Streams that wait for somebody to serve them. */
  #unserved: QuicStream[] = [];
  #onStream: ((stream: Stream) => void) | undefined;
  readonly #peerIds: PeerStreamIds;
  #nextOwnStream: number;
  readonly #finishing: Finishing;
  readonly #leftovers = new Leftovers();
  readonly #late: LateEnds;
  readonly #sending: Sending;
  readonly #receiving: Receiving;

  constructor(carrier: StreamCarrier) {
    this.#carrier = carrier;
    // RFC 9000 2.1: the lowest bit tells who opened a stream, the next one its kind.
    this.#nextOwnStream = carrier.role === 'client' ? 0 : 1;
    this.#peerIds = new PeerStreamIds(carrier.role);
    this.#finishing = new Finishing(carrier);
    this.#late = new LateEnds(carrier, (stream, again) => this.#resume(stream, again));
    const over = (stream: QuicStream) => this.#forgetIfOver(stream);
    this.#sending = new Sending(carrier, this.#finishing, this.#late, over);
    this.#receiving = new Receiving(carrier, this.#late, over);
  }

  get #over(): boolean {
    return this.#carrier.closeInfo !== undefined;
  }

  stats(): TransportStats {
    let buffered = 0;
    for (const stream of this.#streams.values())
      buffered += stream.readableLength + stream.ahead + stream.writableLength;
    return { streams: this.#streams.size, buffered };
  }

  // ── what comes ─────────────────────────────────────────────────────────────────────────────────────────────────

  serve(onStream: (stream: Stream) => void): void {
    this.#onStream = onStream;
    const waiting = this.#unserved;
    this.#unserved = [];
    for (const stream of waiting) onStream(stream);
  }

  /** Hands on what has come to those who wait for it, and opens streams for which there is credit now. */
  progress(): void {
    const { native } = this.#carrier;
    if (native.isReadable()) {
      // Streams come one after the other, nearly always; asked for by number, as quiche's list of all that can be read
      // costs a hundred times as much.
      while (native.streamReadable(this.#peerIds.next)) this.#accept(this.#peerIds.take());
      this.#receiving.deliver(maxAsked);
    }
    while (this.#waiters.size > 0) {
      const stream = this.#tryOpen();
      if (stream === undefined) break;
      if (!this.#waiters.give(stream)) stream.destroy();
    }
  }

  /** Looks at what can be read and nobody has asked for: once a turn, as it is the dear part. */
  progressRest(): void {
    const { native } = this.#carrier;
    if (native.isReadable() && this.#streams.size <= maxAsked)
      for (const stream of this.#streams.values())
        if (native.streamReadable(stream.id)) this.#receiving.take(stream);
    if (native.isReadable()) this.#takeAll();
  }

  #takeAll(): void {
    const fresh: number[] = [];
    for (const id of this.#carrier.native.readable()) {
      const stream = this.#streams.get(id);
      if (stream === undefined) fresh.push(id);
      else this.#receiving.take(stream);
    }
    for (const id of fresh.sort((a, b) => a - b)) if (this.#peerIds.isNew(id)) this.#accept(id);
  }

  #accept(id: number): void {
    const stream = this.#add(id);
    if (this.#onStream === undefined) this.#unserved.push(stream);
    else this.#onStream(stream);
  }

  #add(id: number): QuicStream {
    const stream = new QuicStream(id, this);
    this.#streams.set(id, stream);
    return stream;
  }

  pull(stream: QuicStream): void {
    this.#receiving.pull(stream);
  }

  tookAhead(bytes: number): void {
    this.#receiving.tookAhead(bytes);
  }

  // ── what goes ──────────────────────────────────────────────────────────────────────────────────────────────────

  push(stream: QuicStream): void {
    this.#sending.push(stream);
  }

  /** Gives to quiche what was written since. */
  give(): void {
    this.#sending.give();
  }

  /** Gives at most `most` ends that go by themselves, when all else has been sent. Whether there are some to send now. */
  giveEnds(most: number): boolean {
    return this.#sending.giveEnds(most);
  }

  /** Tries again what quiche had no room for. To be called after sending. */
  pushBlocked(): void {
    this.#sending.pushBlocked();
  }

  /** Something of the stream has waited long enough. */
  #resume(stream: QuicStream, again: () => void): void {
    try {
      if (this.#over || stream.destroyed) return;
      again();
      this.#carrier.schedule();
    } catch (error) {
      this.#sending.fail(stream, streamError(error));
    }
  }

  abandon(stream: QuicStream, streamCode: number): void {
    this.#sending.forget(stream);
    this.#receiving.forget(stream);
    this.#late.forget(stream);
    if (!this.#over) {
      if (!stream.sendOver || !stream.receiveOver) stream.cut = true;
      const { native, room } = this.#carrier;
      if (!stream.sendOver && shutdown(native, stream.id, Shutdown.Write, streamCode)) room.recounted();
      if (!stream.receiveOver) shutdown(native, stream.id, Shutdown.Read, streamCode);
      this.#carrier.schedule();
    }
    stream.sendOver = true;
    stream.receiveOver = true;
    this.#forgetIfOver(stream);
  }

  #forgetIfOver(stream: QuicStream): void {
    if (!stream.receiveOver || !stream.sendOver || !this.#streams.delete(stream.id)) return;
    if (stream.cut) this.#leftovers.add(stream.id, performance.now());
  }

  // ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────

  async open({ signal }: OpenStreamOptions): Promise<Stream> {
    signal?.throwIfAborted();
    const { closeInfo } = this.#carrier;
    if (closeInfo !== undefined) throw closedError(closeInfo);
    if (this.#waiters.size === 0) {
      const stream = this.#tryOpen();
      if (stream !== undefined) return stream;
    }
    return this.#waiters.wait(signal);
  }

  /** `undefined` when the peer gives no credit. */
  #tryOpen(): QuicStream | undefined {
    const id = this.#nextOwnStream;
    try {
      // Makes the stream exist in quiche, which counts it against the peer's credit; nothing is sent for it yet.
      this.#carrier.native.streamSend(id, noBytes, false);
    } catch (error) {
      if (errorText(error) === 'StreamLimit') return undefined;
      if (!isDone(error)) throw streamError(error);
    }
    this.#nextOwnStream += 4;
    return this.#add(id);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The connection has ended: so has every stream. */
  end(info: CloseInfo): void {
    const error = closedError(info);
    this.#waiters.fail(error);
    for (const stream of this.#streams.values()) {
      // What the peer had sent whole before it closed can still be read.
      if (info.by !== 'peer' || !this.#receiving.salvage(stream)) stream.destroy(error);
    }
    this.#late.clear();
    this.#sending.clear();
    this.#streams.clear();
    this.#receiving.clear();
    this.#peerIds.clear();
  }

  /** Resolves when all that was written is acknowledged, or the connection is over. */
  async flushed(): Promise<void> {
    const busy = [...this.#streams.values()].filter(
      ({ writableLength, writableEnded, writableFinished }) =>
        writableLength > 0 || (writableEnded && !writableFinished),
    );
    await Promise.all(
      busy.map(
        (stream) =>
          new Promise<void>((resolve) => {
            stream
              .once('drain', resolve)
              .once('finish', resolve)
              .once('close', () => resolve());
          }),
      ),
    );
    await this.#finishing.acknowledged(() => this.#over);
    await this.#carrier.quiet();
  }

  /** Lets go of ends that have been acknowledged, when somebody waits for them or they are many. */
  tidy(): void {
    // The credit that came free goes out with the next flush.
    if (this.#leftovers.size > 0 && this.#leftovers.look(this.#carrier.native, performance.now()))
      this.#carrier.schedule();
    this.#finishing.tidy();
  }
}
