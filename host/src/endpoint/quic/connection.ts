/**
 * One QUIC connection: feeds datagrams to quiche, moves bytes between quiche and its streams, and sends what quiche
 * wants sent, once a turn of the event loop. `docs/spec/endpoint.md` 3, 4 and 6.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import {
  CloseCode,
  type CloseInfo,
  ConnectionError,
  type OpenStreamOptions,
  type RemoteAddress,
  type Stream,
} from '@alknet/sdk';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { Shutdown } from '@matrixai/quic/native/types.js';
import { isLoopback } from '../address.ts';
import type { TransportConnection, TransportStats, TransportTuning } from '../engine.ts';
import { FloodBudget, maxDatagramsPerTurn, maxStreamBytesPerTurn } from './budgets.ts';
import { maxSendPayload } from './config.ts';
import { OpenWaiters } from './open-waiters.ts';
import { minimumInitialDatagram } from './packet.ts';
import { QuicStream, streamError } from './stream.ts';

/** Where a connection's datagrams go. */
export interface DatagramSink {
  /** A buffer of at least 16 000 bytes to write the next datagram into. */
  buffer(): Buffer;
  /** Sends the first `length` bytes of what `buffer()` gave last. */
  send(length: number, remote: RemoteAddress): void;
}

export interface QuicFacts {
  readonly native: QuicheConnection;
  readonly role: 'client' | 'server';
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  readonly sink: DatagramSink;
  readonly tuning: TransportTuning;
  /** SNI of the client, where the native side does not tell it. */
  readonly serverName: string | null;
}

export interface QuicEvents {
  /** The handshake is complete; streams are served from the next turn on. */
  established(connection: QuicConnection): void;
  /** quiche has forgotten the connection: nothing of it is sent or received any more. */
  gone(connection: QuicConnection): void;
}

const readBufferSize = 64 * 1024;
/** Bytes taken from quiche before a reader asks: of one stream, and of a connection. */
const maxStreamAhead = 1024 * 1024;
const maxAhead = 8 * 1024 * 1024;
/** Data below this is copied out of the shared read buffer instead of giving the buffer away. */
const copyBelow = 16 * 1024;
let readBuffer = Buffer.allocUnsafeSlow(readBufferSize);

const noBytes = Buffer.alloc(0);
/** Datagrams a turn after the close. */
const maxFarewells = 4;
/** Milliseconds that a close waits for the handshake to be confirmed. */
const confirmationTime = 500;
/** Milliseconds after the close in which stragglers are answered with it. */
const farewellTime = 3_000;
/** Ends that may be remembered before they are looked at. */
const maxFinishing = 1024;

export class QuicConnection implements TransportConnection {
  readonly transport = 'quic';
  readonly multiplexed = true;
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  readonly closed: Promise<CloseInfo>;
  /** Settles when the peer has been sent the close, or there is nobody to tell. */
  readonly farewell: Promise<void>;
  alpn = '';
  serverName: string | null;
  peerCertificate: Uint8Array | null = null;
  peerChain: readonly Uint8Array[] = [];

  readonly #native: QuicheConnection;
  readonly #role: 'client' | 'server';
  readonly #sink: DatagramSink;
  readonly #tuning: TransportTuning;
  readonly #events: QuicEvents;
  readonly #path: {
    readonly from: { host: string; port: number };
    readonly to: { host: string; port: number };
  };
  readonly #payload: number;
  readonly #streams = new Map<number, QuicStream>();
  /** Streams whose pending bytes quiche would not take. */
  readonly #blocked = new Set<QuicStream>();
  readonly #waiters = new OpenWaiters();
  readonly #flood = new FloodBudget();
  /** Streams that wait for somebody to serve them. */
  #unserved: QuicStream[] = [];
  #ahead = 0;
  #onStream: ((stream: Stream) => void) | undefined;
  /** Peer streams below the highest seen that have not shown up yet. */
  readonly #holes = new Set<number>();
  #nextPeerStream: number;
  #nextOwnStream: number;
  #established = false;
  /** Something has come since: the server has answered our Finished. */
  #confirmed = false;
  /** A close that waits for that. */
  #pendingClose: (() => void) | undefined;
  #resolveFarewell: () => void = () => {};
  #closeInfo: CloseInfo | undefined;
  #resolveClosed: (info: CloseInfo) => void = () => {};
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #keepAlive: NodeJS.Timeout | undefined;
  #lastSent = 0;
  #gone = false;

  constructor(facts: QuicFacts, events: QuicEvents) {
    this.#native = facts.native;
    this.#role = facts.role;
    this.local = facts.local;
    this.remote = facts.remote;
    this.serverName = facts.serverName;
    this.#sink = facts.sink;
    this.#tuning = facts.tuning;
    this.#events = events;
    this.#path = {
      from: { host: facts.remote.address, port: facts.remote.port },
      to: { host: facts.local.address, port: facts.local.port },
    };
    const { tuning } = facts;
    const loopback = isLoopback(facts.local.address) && isLoopback(facts.remote.address);
    this.#payload = Math.min(loopback ? tuning.loopbackUdpPayload : tuning.udpPayload, maxSendPayload);
    // RFC 9000 2.1: the lowest bit tells who opened a stream, the next one its kind.
    this.#nextOwnStream = facts.role === 'client' ? 0 : 1;
    this.#nextPeerStream = facts.role === 'client' ? 1 : 0;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.farewell = new Promise((resolve) => {
      this.#resolveFarewell = resolve;
    });
  }

  /** Whether it has ended, for whatever reason. */
  get over(): boolean {
    return this.#closeInfo !== undefined;
  }

  get established(): boolean {
    return this.#established;
  }

  // ── datagrams ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes one datagram. Never throws, whatever its bytes. `data` may be changed in place. */
  receive(data: Buffer): void {
    if (this.#gone) return;
    try {
      this.#native.recv(data, this.#path);
    } catch {
      // Damaged, replayed or forged. When it was fatal, quiche is closing now and says why to the peer.
    }
    if (this.#established && !this.#confirmed) {
      this.#confirmed = true;
      this.#pendingClose?.();
    }
    if (this.#flood.received(performance.now(), data.length) && this.#closeInfo === undefined) {
      this.close(CloseCode.LIMIT, 'limit: datagrams without stream progress', 'host');
    }
    this.schedule();
  }

  /** Lets quiche work and send at the end of this turn of the event loop. */
  schedule(): void {
    if (this.#turn !== undefined || this.#gone) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#work();
    });
  }

  #work(): void {
    if (this.#gone) return;
    this.#progress();
    this.#flush();
    // quiche counts anew what may be sent while it sends: only now is there room to see.
    for (const stream of this.#blocked) if (this.#hasRoom(stream)) this.push(stream);
    if (this.#onFinished !== undefined || this.#finishing.size > maxFinishing) this.#lookForFinished();
    this.#observeEnd();
    this.#arm();
    if (this.#closeInfo !== undefined && this.#pendingClose === undefined) this.#resolveFarewell();
  }

  #progress(): void {
    const native = this.#native;
    if (!this.#established && native.isEstablished()) {
      this.#established = true;
      this.alpn = Buffer.from(native.applicationProto()).toString('latin1');
      this.serverName ??= native.serverName() ?? null;
      const [leaf, ...chain] = native.peerCertChain() ?? [];
      this.peerCertificate = leaf ?? null;
      this.peerChain = chain;
      this.#events.established(this);
    }
    if (!this.#established || this.#closeInfo !== undefined) return;
    this.#readable();
    while (this.#waiters.size > 0) {
      const stream = this.#tryOpen();
      if (stream === undefined) break;
      if (!this.#waiters.give(stream)) stream.destroy();
    }
  }

  #readable(): void {
    let fresh: number[] | undefined;
    for (const id of this.#native.readable()) {
      const stream = this.#streams.get(id);
      if (stream === undefined) {
        fresh ??= [];
        fresh.push(id);
      } else if (stream.wanted && stream.ahead === 0) this.#deliver(stream);
      else this.#readAhead(stream);
    }
    if (fresh === undefined) return;
    for (const id of fresh.sort((a, b) => a - b)) if (this.#isNew(id)) this.#accept(id);
  }

  /**
   * Asked before each further try: a `streamSend` without room makes quiche send DATA_BLOCKED, whose acknowledgement
   * would lead to the next try, and so on for ever.
   */
  #hasRoom(stream: QuicStream): boolean {
    if (stream.pending === undefined) return true;
    try {
      return this.#native.streamCapacity(stream.id) > 0;
    } catch {
      // Stopped or gone: the try will say so.
      return true;
    }
  }

  /** Whether a peer's stream has not been seen yet; ids that are finished with are not new. */
  #isNew(id: number): boolean {
    if ((id & 3) !== (this.#role === 'client' ? 1 : 0)) return false;
    if (id < this.#nextPeerStream) return this.#holes.delete(id);
    for (let skipped = this.#nextPeerStream; skipped < id; skipped += 4) this.#holes.add(skipped);
    this.#nextPeerStream = id + 4;
    return true;
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

  /** Gives the reader what it asked for, at most the budget of a turn. */
  #deliver(stream: QuicStream): void {
    let budget = maxStreamBytesPerTurn;
    while (stream.wanted && budget > 0) {
      let read: [number, boolean] | null;
      try {
        read = this.#native.streamRecv(stream.id, readBuffer);
      } catch (error) {
        if (isDone(error)) return;
        stream.receiveOver = true;
        stream.wanted = false;
        this.#forgetIfOver(stream);
        stream.destroy(streamError(error));
        return;
      }
      if (read === null) return;
      const [length, fin] = read;
      budget -= length;
      if (length > 0) {
        this.#flood.read();
        stream.wanted = false;
        // `push` asks for more, by `_read`, when there is room; that call sets `wanted` again.
        stream.push(takeRead(length));
      }
      if (fin) {
        stream.receiveOver = true;
        stream.wanted = false;
        stream.push(null);
        this.#forgetIfOver(stream);
        return;
      }
    }
    if (stream.wanted) this.schedule();
  }

  /**
   * Takes a little from quiche before the reader asks. Its windows shrink to what is read soon (32 KiB a stream, 48 KiB a
   * connection to begin with), so that one stream's first megabyte, unread, would stall every other stream.
   */
  #readAhead(stream: QuicStream): void {
    if (stream.receiveOver || stream.destroyed) return;
    try {
      while (stream.ahead < maxStreamAhead && this.#ahead < maxAhead) {
        const read = this.#native.streamRecv(stream.id, readBuffer);
        if (read === null) return;
        const [length, fin] = read;
        if (length > 0) {
          this.#flood.read();
          this.#ahead += length;
          stream.keep(takeRead(length));
        }
        if (!fin) continue;
        stream.receiveOver = true;
        stream.keepEnd();
        this.#forgetIfOver(stream);
        return;
      }
      // A reset is told also to a stream that is full.
      this.#native.streamRecv(stream.id, noBytes);
    } catch (error) {
      if (isDone(error) || !/^StreamReset/.test(errorText(error))) return;
      stream.receiveOver = true;
      this.#forgetIfOver(stream);
      stream.destroy(streamError(error));
    }
  }

  tookAhead(bytes: number): void {
    this.#ahead -= bytes;
  }

  #flush(): void {
    let sent = 0;
    const size = this.#established ? this.#payload : minimumInitialDatagram;
    // Closed before the handshake is confirmed, quiche 0.18 has always one more packet to send, and not the close.
    const most = this.#closeInfo === undefined ? maxDatagramsPerTurn : maxFarewells;
    while (sent < most) {
      const buffer = this.#sink.buffer();
      let result: [number, unknown] | null;
      try {
        result = this.#native.send(buffer.subarray(0, size));
      } catch (error) {
        if (!isDone(error)) this.#fail(error);
        break;
      }
      if (result === null) break;
      this.#sink.send(result[0], this.remote);
      sent++;
    }
    if (sent > 0) this.#lastSent = performance.now();
    if (sent === maxDatagramsPerTurn && this.#closeInfo === undefined) this.schedule();
  }

  /** quiche cannot go on: nothing to tell the peer that it would send. */
  #fail(error: unknown): void {
    this.#end({ code: 1, reason: errorText(error), by: 'transport' });
    this.#forget();
  }

  #observeEnd(): void {
    const native = this.#native;
    if (this.#closeInfo === undefined && (native.isDraining() || native.isClosed()))
      this.#end(this.#nativeEnd());
    if (native.isClosed()) this.#forget();
  }

  #nativeEnd(): CloseInfo {
    const native = this.#native;
    const peer = native.peerError();
    if (peer !== null) {
      const reason = Buffer.from(peer.reason).toString();
      return { code: peer.errorCode, reason, by: peer.isApp ? 'peer' : 'transport' };
    }
    const own = native.localError();
    if (own !== null)
      return { code: own.errorCode, reason: Buffer.from(own.reason).toString(), by: 'transport' };
    return { code: 0, reason: native.isTimedOut() ? 'idle time-out' : '', by: 'transport' };
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #arm(): void {
    if (this.#gone) return;
    const timeout = this.#native.timeout();
    if (timeout === null) return;
    const at = performance.now() + timeout;
    // An earlier timer looks again when it fires; only a later one must be brought forward.
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, timeout + 1));
    if (this.#closeInfo !== undefined) this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    if (this.#gone) return;
    const left = this.#native.timeout();
    if (left !== null && left <= 0) this.#native.onTimeout();
    this.#work();
  }

  /** Sends a PING whenever a third of the idle time has passed without sending. `docs/spec/endpoint.md` 6.4. */
  keepAlive(): void {
    const period = this.#tuning.idleTimeout / 3;
    const look = () => {
      if (this.#closeInfo !== undefined) return;
      const idle = performance.now() - this.#lastSent;
      if (idle >= period) {
        this.#native.sendAckEliciting();
        this.schedule();
      }
      this.#keepAlive = setTimeout(look, idle >= period ? period : period - idle);
      this.#keepAlive.unref();
    };
    this.#keepAlive = setTimeout(look, period);
    this.#keepAlive.unref();
  }

  // ── streams (StreamOwner) ──────────────────────────────────────────────────────────────────────────────────────

  pull(): void {
    if (this.#closeInfo !== undefined) return;
    // In a turn of its own: `_read` is called while a plugin's code runs.
    if (this.#turn === undefined) this.schedule();
  }

  push(stream: QuicStream): void {
    if (this.#closeInfo !== undefined || stream.sendOver) return;
    const data = stream.pending;
    try {
      if (data !== undefined && data.length > 0) {
        const taken = this.#native.streamSend(stream.id, data, false) ?? 0;
        if (taken > 0) {
          this.#flood.sent(taken);
          this.schedule();
        }
        if (taken < data.length) {
          stream.pending = data.subarray(taken);
          this.#blocked.add(stream);
          return;
        }
        this.#blocked.delete(stream);
        stream.taken();
        return;
      }
      if (stream.ending) {
        this.#native.streamSend(stream.id, noBytes, true);
        stream.sendOver = true;
        this.#finishing.add(stream.id);
        this.#blocked.delete(stream);
        // Now, not at the end of the turn: quiche 0.18 forgets a stream whose data is all acknowledged before its end
        // has left, and the end with it.
        this.#flush();
        this.schedule();
        stream.taken();
        this.#forgetIfOver(stream);
      }
    } catch (error) {
      if (isDone(error)) {
        this.#blocked.add(stream);
        return;
      }
      this.#blocked.delete(stream);
      stream.sendOver = true;
      stream.taken(streamError(error));
      this.#forgetIfOver(stream);
    }
  }

  abandon(stream: QuicStream, streamCode: number): void {
    this.#blocked.delete(stream);
    if (this.#closeInfo === undefined) {
      if (!stream.sendOver) this.#shutdown(stream.id, Shutdown.Write, streamCode);
      if (!stream.receiveOver) this.#shutdown(stream.id, Shutdown.Read, streamCode);
      this.schedule();
    }
    stream.sendOver = true;
    stream.receiveOver = true;
    this.#forgetIfOver(stream);
  }

  #shutdown(id: number, direction: Shutdown, code: number): void {
    try {
      this.#native.streamShutdown(id, direction, code);
    } catch {
      // Over already.
    }
  }

  #forgetIfOver(stream: QuicStream): void {
    if (stream.receiveOver && stream.sendOver) this.#streams.delete(stream.id);
  }

  serve(onStream: (stream: Stream) => void): void {
    this.#onStream = onStream;
    const waiting = this.#unserved;
    this.#unserved = [];
    for (const stream of waiting) onStream(stream);
  }

  async openStream(options: OpenStreamOptions = {}): Promise<Stream> {
    options.signal?.throwIfAborted();
    if (this.#closeInfo !== undefined) throw closedError(this.#closeInfo);
    if (this.#waiters.size === 0) {
      const stream = this.#tryOpen();
      if (stream !== undefined) return stream;
    }
    return this.#waiters.wait(options.signal);
  }

  /** `undefined` when the peer gives no credit. */
  #tryOpen(): QuicStream | undefined {
    const id = this.#nextOwnStream;
    try {
      // Makes the stream exist in quiche, which counts it against the peer's credit; nothing is sent for it yet.
      this.#native.streamSend(id, noBytes, false);
    } catch (error) {
      if (errorText(error) === 'StreamLimit') return undefined;
      if (!isDone(error)) throw streamError(error);
    }
    this.#nextOwnStream += 4;
    return this.#add(id);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

  close(code: number, reason: string, by: 'local' | 'host' = 'local'): void {
    if (this.#closeInfo !== undefined) return;
    this.#closeNative(true, code, reason);
    this.#end({ code, reason, by });
    this.schedule();
  }

  /** Ends a handshake, or a connection, with a transport error. */
  closeTransport(code: number, reason: string): void {
    if (this.#closeInfo !== undefined) return;
    this.#closeNative(false, code, reason);
    this.#end({ code, reason, by: 'transport' });
    this.schedule();
  }

  #closeNative(app: boolean, code: number, reason: string): void {
    const close = () => {
      clearTimeout(timer);
      this.#pendingClose = undefined;
      try {
        this.#native.close(app, code, Buffer.from(reason));
      } catch {
        // Closed by the peer in this very turn.
      }
      this.schedule();
    };
    let timer: NodeJS.Timeout | undefined;
    // Closed before the handshake is confirmed, quiche 0.18 never sends the close, and the server would keep the
    // connection until its idle time-out.
    if (this.#role === 'client' && this.#established && !this.#confirmed) {
      this.#pendingClose = close;
      timer = setTimeout(close, confirmationTime);
    } else close();
  }

  /** Forgets everything at once and tells nobody. */
  abandonAll(): void {
    this.#end({ code: 0, reason: '', by: 'host' });
    this.#forget();
  }

  #end(info: CloseInfo): void {
    if (this.#closeInfo !== undefined) return;
    this.#closeInfo = info;
    clearTimeout(this.#keepAlive);
    // What is left is to answer stragglers with the close: no reason to keep a process alive.
    this.#timer?.unref();
    setTimeout(() => this.#forget(), farewellTime).unref();
    const error = closedError(info);
    this.#waiters.fail(error);
    for (const stream of this.#streams.values()) {
      // What the peer had sent whole before it closed can still be read.
      if (info.by !== 'peer' || !this.#salvage(stream)) stream.destroy(error);
    }
    this.#streams.clear();
    this.#blocked.clear();
    this.#holes.clear();
    this.#resolveClosed(info);
  }

  /** Takes what quiche holds of a stream that the peer has ended; `false` when its end has not come. */
  #salvage(stream: QuicStream): boolean {
    stream.sendOver = true;
    stream.releaseAhead();
    for (;;) {
      if (stream.receiveOver) return stream.readableLength > 0 || !stream.readableEnded;
      let read: [number, boolean] | null;
      try {
        read = this.#native.streamRecv(stream.id, readBuffer);
      } catch {
        return false;
      }
      if (read === null) return false;
      const [length, fin] = read;
      if (length > 0) stream.push(takeRead(length));
      if (!fin) continue;
      stream.receiveOver = true;
      stream.push(null);
    }
  }

  #forget(): void {
    this.#resolveFarewell();
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#events.gone(this);
  }

  /** Ends that the peer has not acknowledged yet; looked at only while somebody waits for them. */
  readonly #finishing = new Set<number>();
  #onFinished: (() => void) | undefined;

  #lookForFinished(): void {
    for (const id of this.#finishing) {
      try {
        this.#native.streamCapacity(id);
      } catch {
        // quiche has forgotten it: all of it has been acknowledged.
        this.#finishing.delete(id);
      }
    }
    if (this.#finishing.size === 0) this.#onFinished?.();
  }

  async flushed(): Promise<void> {
    const busy = [...this.#streams.values()].filter((stream) => stream.writableLength > 0);
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
    // A stream is over in quiche when its end is acknowledged and nothing more can come from the peer.
    for (const id of this.#finishing) this.#shutdown(id, Shutdown.Read, 0);
    // Also when nothing else is under way: the peer must learn of it to answer.
    this.schedule();
    this.#lookForFinished();
    if (this.#finishing.size > 0 && this.#closeInfo === undefined) {
      const acknowledged = new Promise<void>((resolve) => {
        this.#onFinished = resolve;
      });
      await Promise.race([acknowledged, this.closed]);
    }
    if (this.#turn !== undefined) await new Promise((resolve) => setImmediate(resolve));
  }

  stats(): TransportStats {
    let buffered = 0;
    for (const stream of this.#streams.values())
      buffered += stream.readableLength + stream.ahead + stream.writableLength;
    return { streams: this.#streams.size, buffered };
  }
}

function takeRead(length: number): Buffer {
  const view = readBuffer.subarray(0, length);
  if (length < copyBelow) return Buffer.from(view);
  readBuffer = Buffer.allocUnsafeSlow(readBufferSize);
  return view;
}

function closedError(closeInfo: CloseInfo): ConnectionError {
  const { code, reason, by } = closeInfo;
  const text = `connection closed by ${by}, code 0x${code.toString(16)}${reason === '' ? '' : `: ${reason}`}`;
  return new ConnectionError('CONNECTION_CLOSED', text, { closeInfo });
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isDone(error: unknown): boolean {
  return errorText(error) === 'Done';
}
