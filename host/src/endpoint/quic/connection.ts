/**
 * One QUIC connection: feeds datagrams to quiche, sends what quiche wants sent once a turn of the event loop, and knows
 * when it began and ended. Its streams are in `streams.ts`. `docs/spec/endpoint.md` 3 and 6.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import {
  CloseCode,
  type CloseInfo,
  type OpenStreamOptions,
  type RemoteAddress,
  type Stream,
} from '@alknet/sdk/streams';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import type { TransportConnection, TransportStats, TransportTuning } from '../engine.ts';
import { ConnectionAlarm, type Wakeable } from './alarm.ts';
import { type Excess, FloodBudget, maxDatagramsPerTurn } from './budgets.ts';
import { systemClock } from './clock.ts';
import { sendPayload } from './config.ts';
import { minimumInitialDatagram } from './packet.ts';
import { PayloadSize } from './payload.ts';
import { errorText, isDone } from './quiche-error.ts';
import { SendRoom } from './send-room.ts';
import { QuicStreams, type StreamCarrier } from './streams.ts';

/** Where a connection's datagrams go. */
export interface DatagramSink {
  /** A buffer of at least 16 000 bytes to write the next datagram into. */
  buffer(): Buffer;
  /** Sends the first `length` bytes of what `buffer()` gave last. `tooLarge` is called for what the system refuses for its size. */
  send(length: number, remote: RemoteAddress, tooLarge: () => void): void;
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

/**
 * Datagrams that are taken in before their streams are looked at, but for the first of a turn: so that an answer leaves
 * with the acknowledgement of its question, and the other side works on one part while we work on the next.
 */
const datagramsAtOnce = 4;
/** Bytes written that are sent before the turn ends, for the same reason. */
const bytesAtOnce = 4 * 1024;
/** Datagrams a turn after the close. */
const maxFarewells = 4;

const excessReasons: Record<Excess, string> = {
  flood: 'limit: datagrams without stream progress',
  surplus: 'limit: bytes without stream progress',
};

export class QuicConnection implements TransportConnection, StreamCarrier {
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

  readonly native: QuicheConnection;
  readonly role: 'client' | 'server';
  readonly flood = new FloodBudget();
  readonly room = new SendRoom();
  readonly #sink: DatagramSink;
  readonly #tuning: TransportTuning;
  readonly #events: QuicEvents;
  readonly #path: {
    readonly from: { host: string; port: number };
    readonly to: { host: string; port: number };
  };
  readonly #payload: PayloadSize;
  /** Round-trip time at the last probe time-out: an acknowledgement moves it. */
  #rtt = 0;
  readonly #streams: QuicStreams;
  #established = false;
  /** Something has come since: to the client an answer to its Finished, to the server an acknowledgement. */
  #confirmed = false;
  #resolveFarewell: () => void = () => {};
  #closeInfo: CloseInfo | undefined;
  #resolveClosed: (info: CloseInfo) => void = () => {};
  #turn: NodeJS.Immediate | undefined;
  readonly #alarm: ConnectionAlarm;
  #gone = false;
  /** Datagrams of this turn whose streams have not been looked at. */
  #unread = 0;
  /** Stream bytes written since quiche was last asked to send. */
  #unsent = 0;
  #flushing = false;
  #sentInTurn = 0;
  readonly #isUnread = () => this.native.isReadable();

  constructor(facts: QuicFacts, events: QuicEvents) {
    this.native = facts.native;
    this.role = facts.role;
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
    this.#payload = new PayloadSize(sendPayload(facts.tuning, facts.local, facts.remote));
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.farewell = new Promise((resolve) => {
      this.#resolveFarewell = resolve;
    });
    this.#streams = new QuicStreams(this);
    this.#alarm = new ConnectionAlarm(systemClock, this.#wakeable());
  }

  /** Whether it has ended, for whatever reason. */
  get over(): boolean {
    return this.#closeInfo !== undefined;
  }

  get closeInfo(): CloseInfo | undefined {
    return this.#closeInfo;
  }

  /** Probe time-outs double, and a path on which they come near this is as good as dead. */
  get quietAbove(): number {
    return this.#tuning.idleTimeout / 2;
  }

  get datagramSize(): number {
    return this.#payload.size;
  }

  get established(): boolean {
    return this.#established;
  }

  // ── datagrams ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes one datagram. Never throws, whatever its bytes. `data` may be changed in place. */
  receive(data: Buffer): void {
    if (this.#gone) return;
    try {
      this.native.recv(data, this.#path);
      this.room.recounted();
    } catch {
      // Damaged, replayed or forged. When it was fatal, quiche is closing now and says why to the peer.
    }
    if (this.#established && !this.#confirmed) {
      this.#confirmed = true;
      this.#alarm.confirmed();
    }
    const excess = this.flood.received(performance.now(), data.length, this.#isUnread);
    if (excess !== undefined && this.#closeInfo === undefined) {
      this.close(CloseCode.LIMIT, excessReasons[excess], 'host');
    }
    if (this.#turn === undefined || ++this.#unread === datagramsAtOnce) {
      this.#unread = 0;
      this.#progress();
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
    this.#sentInTurn = 0;
    this.#unread = 0;
    this.#progress();
    if (this.#established && this.#closeInfo === undefined) this.#streams.progressRest();
    this.#flush();
    this.#streams.pushBlocked();
    this.#streams.tidy();
    this.#observeEnd();
    this.#alarm.arm();
    if (this.#closeInfo !== undefined && !this.#alarm.isHeld) this.#resolveFarewell();
  }

  #progress(): void {
    const native = this.native;
    if (!this.#established && native.isEstablished()) {
      this.#established = true;
      this.alpn = Buffer.from(native.applicationProto()).toString('latin1');
      this.serverName ??= native.serverName() ?? null;
      const [leaf, ...chain] = native.peerCertChain() ?? [];
      this.peerCertificate = leaf ?? null;
      this.peerChain = chain;
      this.#events.established(this);
    }
    if (this.#established && this.#closeInfo === undefined) this.#streams.progress();
  }

  written(bytes: number): void {
    this.schedule();
    this.#unsent += bytes;
    if (this.#unsent < bytesAtOnce || this.#flushing) return;
    this.#flushing = true;
    // Not at once: the end of a stream is written some ticks after its last data, and leaves with it.
    process.nextTick(() => queueMicrotask(() => this.#flush()));
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#gone) return;
    this.#unsent = 0;
    if (this.#closeInfo === undefined) this.#streams.give();
    // Closed before the handshake is confirmed, quiche 0.18 has always one more packet to send, and not the close.
    const most = (this.#closeInfo === undefined ? maxDatagramsPerTurn : maxFarewells) - this.#sentInTurn;
    let sent = this.#send(most);
    if (sent < most && this.#closeInfo === undefined && this.#streams.giveEnds(most - sent))
      sent += this.#send(most - sent);
    if (sent > 0) this.#alarm.sent();
    this.#sentInTurn += sent;
    if (sent === most && this.#closeInfo === undefined) this.schedule();
  }

  /** Sends what quiche wants sent. The number of datagrams; fewer than `most`: quiche has no more to send now. */
  #send(most: number): number {
    // HANDSHAKE_DONE is the first that the server sends when it is established: it must pass on a narrow path too.
    const size = this.#confirmed ? this.#payload.size : minimumInitialDatagram;
    let sent = 0;
    while (sent < most) {
      const buffer = this.#sink.buffer();
      let result: [number, unknown] | null;
      try {
        result = this.native.send(buffer.subarray(0, size));
      } catch (error) {
        if (!isDone(error)) this.#fail(error);
        break;
      }
      if (result === null) break;
      this.room.sent(result[0]);
      this.#sink.send(result[0], this.remote, this.#tooLarge);
      if (this.#payload.sent(result[0])) this.#payload.lost(this.native.stats().lost);
      sent++;
    }
    return sent;
  }

  /** quiche cannot go on: nothing to tell the peer that it would send. */
  #fail(error: unknown): void {
    this.#end({ code: 1, reason: errorText(error), by: 'transport' });
    this.#forget();
  }

  #observeEnd(): void {
    const native = this.native;
    if (this.#closeInfo === undefined && (native.isDraining() || native.isClosed()))
      this.#end(this.#nativeEnd());
    if (native.isClosed()) this.#forget();
  }

  #nativeEnd(): CloseInfo {
    const native = this.native;
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

  #wakeable(): Wakeable {
    const { native } = this;
    return {
      timeout: () => native.timeout(),
      onTimeout: () => this.#timedOut(),
      work: () => this.#work(),
      ping: () => {
        native.sendAckEliciting();
        this.schedule();
      },
      forget: () => this.#forget(),
    };
  }

  #timedOut(): void {
    const before = this.native.stats().lost;
    this.native.onTimeout();
    const [path] = this.native.pathStats();
    // The other timer of loss recovery declares packets lost; a probe time-out declares none.
    if (!this.#confirmed || path === undefined || path.lost !== before) return;
    this.#payload.probeTimeout(path.rtt !== this.#rtt);
    this.#rtt = path.rtt;
  }

  readonly #tooLarge = () => this.#payload.lower();

  /** Sends a PING whenever a third of the idle time has passed without sending. `docs/spec/endpoint.md` 6.4. */
  keepAlive(): void {
    this.#alarm.keepAlive(this.#tuning.idleTimeout / 3);
  }

  // ── streams ────────────────────────────────────────────────────────────────────────────────────────────────────

  serve(onStream: (stream: Stream) => void): void {
    this.#streams.serve(onStream);
  }

  openStream(options: OpenStreamOptions = {}): Promise<Stream> {
    return this.#streams.open(options);
  }

  flushed(): Promise<void> {
    return this.#streams.flushed();
  }

  stats(): TransportStats {
    return this.#streams.stats();
  }

  async quiet(): Promise<void> {
    if (this.#turn !== undefined) await new Promise((resolve) => setImmediate(resolve));
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
      try {
        this.native.close(app, code, Buffer.from(reason));
      } catch {
        // Closed by the peer in this very turn.
      }
      this.schedule();
    };
    // Closed before the handshake is confirmed, quiche 0.18 never sends the close, and the server would keep the
    // connection until its idle time-out.
    if (this.role === 'client' && this.#established && !this.#confirmed) this.#alarm.whenConfirmed(close);
    else close();
  }

  /** Forgets everything at once and tells nobody. */
  abandonAll(): void {
    this.#end({ code: 0, reason: '', by: 'host' });
    this.#forget();
  }

  #end(info: CloseInfo): void {
    if (this.#closeInfo !== undefined) return;
    this.#closeInfo = info;
    this.#alarm.ended();
    this.#streams.end(info);
    this.#resolveClosed(info);
  }

  #forget(): void {
    this.#resolveFarewell();
    if (this.#gone) return;
    this.#gone = true;
    this.#alarm.stop();
    clearImmediate(this.#turn);
    this.#events.gone(this);
  }
}
