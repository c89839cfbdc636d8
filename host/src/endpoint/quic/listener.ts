/**
 * A QUIC listener: proves the client's address before it keeps anything, reads the ClientHello before it makes a
 * connection, and hands over what has completed its handshake. `docs/spec/endpoint.md` 2.4, 5 and 6.2.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { RemoteAddress } from '@alknet/sdk';
import { quiche } from '@matrixai/quic/native/index.js';
import { parseClientHello } from '../client-hello.ts';
import type {
  ClientHello,
  HandshakeFailure,
  ListenOptions,
  ServerParameters,
  Slot,
  TransportListener,
} from '../engine.ts';
import { quicConfig } from './config.ts';
import { QuicConnection } from './connection.ts';
import { HelloAssembly } from './hello-assembly.ts';
import { initialKeys, sealInitial } from './initial.ts';
import {
  type ConnectionIdKey,
  connectionIdKey,
  connectionIdLength,
  isLongHeader,
  type LongHeader,
  minimumInitialDatagram,
  parseLongHeader,
  quicVersion1,
  shortHeaderDestination,
  varint,
} from './packet.ts';
import { RetryTokens } from './retry-token.ts';
import { QuicSocket } from './socket.ts';

/** RFC 9000 20.1. */
const internalError = 0x01;
const connectionRefused = 0x02;
/** RFC 9001 4.8: no_application_protocol. */
const noApplicationProtocol = 0x178;
const maxRefusalsPerSecond = 100;

/** A client whose address is proven and whose ClientHello is not complete yet. */
interface Pending {
  readonly remote: RemoteAddress;
  readonly original: Uint8Array;
  readonly assembly: HelloAssembly;
  readonly datagrams: Buffer[];
  readonly slot: Slot;
  readonly startedAt: number;
  readonly timer: NodeJS.Timeout;
}

export class QuicListener implements TransportListener {
  readonly transport = 'quic';
  readonly #options: ListenOptions;
  readonly #tokens = new RetryTokens(performance.now());
  readonly #pending = new Map<ConnectionIdKey, Pending>();
  readonly #connections = new Map<ConnectionIdKey, QuicConnection>();
  readonly #handshakes = new Map<QuicConnection, { readonly end: (cause: HandshakeFailure) => void }>();
  readonly #dropped: Record<string, number> = {};
  #socket: QuicSocket | undefined;
  #draining = false;
  #refusals = { second: 0, count: 0 };

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  async bind(): Promise<this> {
    this.#socket = await QuicSocket.bind(
      this.#options.host,
      this.#options.port,
      (data, remote) => {
        try {
          this.#datagram(data, remote);
        } catch {
          // Nothing that comes from the network may end the receive path (END-36).
          this.#drop('error');
        }
      },
      () => this.#drop('socket'),
    );
    return this;
  }

  get #bound(): QuicSocket {
    if (this.#socket === undefined) throw new Error('QuicListener is not bound');
    return this.#socket;
  }

  get address(): RemoteAddress {
    return this.#bound.address;
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.#dropped;
  }

  /** Connections and half-open handshakes that take memory now. */
  get size(): { readonly connections: number; readonly pending: number } {
    return { connections: this.#connections.size, pending: this.#pending.size };
  }

  #drop(cause: string): void {
    this.#dropped[cause] = (this.#dropped[cause] ?? 0) + 1;
  }

  #datagram(data: Buffer, remote: RemoteAddress): void {
    if (!isLongHeader(data)) {
      const key = shortHeaderDestination(data);
      const connection = key && this.#connections.get(key);
      if (connection === undefined) return this.#drop('unknown connection');
      return this.#toConnection(connection, data, remote);
    }
    const header = parseLongHeader(data);
    if (header === undefined) return this.#drop('malformed');
    if (header.version !== quicVersion1) return this.#negotiateVersion(header, data, remote);
    const key = connectionIdKey(header.destination);
    const connection = this.#connections.get(key);
    if (connection !== undefined) return this.#toConnection(connection, data, remote);
    if (header.type !== 'initial') return this.#drop('unknown connection');
    if (data.length < minimumInitialDatagram || header.destination.length < 8) return this.#drop('malformed');
    const pending = this.#pending.get(key);
    if (pending !== undefined) return this.#hello(key, pending, header, data, remote);
    if (this.#draining) return this.#refuse(header, remote);
    if (header.token.length === 0) return this.#retry(header, remote);
    this.#validated(key, header, data, remote);
  }

  #toConnection(connection: QuicConnection, data: Buffer, remote: RemoteAddress): void {
    // Active migration is off: another address is an injection or a rebound NAT, and cannot be proven cheaply.
    if (remote.port !== connection.remote.port || remote.address !== connection.remote.address) {
      return this.#drop('other address');
    }
    connection.receive(data);
  }

  // ── answers without state ──────────────────────────────────────────────────────────────────────────────────────

  #negotiateVersion(header: LongHeader, data: Buffer, remote: RemoteAddress): void {
    if (header.version === 0 || data.length < minimumInitialDatagram) return this.#drop('malformed');
    const out = Buffer.alloc(minimumInitialDatagram);
    const length = quiche.negotiateVersion(header.source, header.destination, out);
    this.#bound.sendStateless(out.subarray(0, length), remote);
  }

  #retry(header: LongHeader, remote: RemoteAddress): void {
    const chosen = randomBytes(connectionIdLength);
    const token = this.#tokens.seal(remote, header.destination, chosen, performance.now());
    const out = Buffer.alloc(minimumInitialDatagram);
    const length = quiche.retry(header.source, header.destination, chosen, token, header.version, out);
    this.#bound.sendStateless(out.subarray(0, length), remote);
  }

  /** One Initial with CONNECTION_CLOSE, at most so many a second. `docs/spec/endpoint.md` 6.2. */
  #refuse(header: LongHeader, remote: RemoteAddress): void {
    this.#drop('refused');
    const second = Math.floor(performance.now() / 1000);
    if (this.#refusals.second !== second) this.#refusals = { second, count: 0 };
    if (++this.#refusals.count > maxRefusalsPerSecond) return;
    this.#closeStateless(connectionRefused, header, remote);
  }

  #closeStateless(code: number, header: LongHeader, remote: RemoteAddress): void {
    // CONNECTION_CLOSE (0x1c): error code, frame type 0, empty reason; the rest is PADDING.
    const frames = Buffer.alloc(32);
    frames.set([0x1c, ...varint(code), 0, 0]);
    const keys = initialKeys(header.destination, 'server');
    this.#bound.sendStateless(sealInitial(header.source, header.destination, frames, keys), remote);
  }

  // ── handshake ──────────────────────────────────────────────────────────────────────────────────────────────────

  #validated(key: ConnectionIdKey, header: LongHeader, data: Buffer, remote: RemoteAddress): void {
    const { policy } = this.#options;
    const now = performance.now();
    const original = this.#tokens.open(
      header.token,
      remote,
      header.destination,
      now,
      policy.handshakeTimeout,
    );
    if (original === undefined) return this.#drop('token');
    const slot = policy.admit('quic', remote);
    if (slot === undefined) return this.#refuse(header, remote);
    const pending: Pending = {
      remote,
      original,
      assembly: new HelloAssembly(header.destination),
      datagrams: [],
      slot,
      startedAt: now,
      timer: setTimeout(() => this.#giveUp(key, 'timeout'), policy.handshakeTimeout),
    };
    this.#pending.set(key, pending);
    this.#hello(key, pending, header, data, remote);
  }

  #giveUp(key: ConnectionIdKey, cause: HandshakeFailure): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(key);
    pending.slot.release(cause);
  }

  #hello(
    key: ConnectionIdKey,
    pending: Pending,
    header: LongHeader,
    data: Buffer,
    remote: RemoteAddress,
  ): void {
    if (remote.port !== pending.remote.port || remote.address !== pending.remote.address) {
      return this.#drop('other address');
    }
    pending.datagrams.push(data);
    const progress = pending.assembly.add(data);
    if (progress.state === 'incomplete') return;
    if (progress.state === 'refused') return this.#giveUp(key, 'tls');
    let hello: ClientHello;
    try {
      hello = parseClientHello(progress.message);
    } catch {
      return this.#giveUp(key, 'tls');
    }
    const { policy, filter } = this.#options;
    const parameters = policy.parameters('quic', hello, this.address, filter);
    if (parameters === undefined) return this.#giveUp(key, 'certificate');
    if (!parameters.alpns.some((alpn) => hello.alpns.includes(alpn))) {
      // Not left to quiche: it would accept a client that sends no ALPN extension at all.
      this.#giveUp(key, 'alpn');
      return this.#closeStateless(noApplicationProtocol, header, remote);
    }
    clearTimeout(pending.timer);
    this.#pending.delete(key);
    try {
      this.#accept(key, pending, hello, parameters);
    } catch {
      // The certificate and its key cannot be loaded: ours is the fault, the client should not wait.
      pending.slot.release('certificate');
      this.#drop('error');
      this.#closeStateless(internalError, header, remote);
    }
  }

  #accept(key: ConnectionIdKey, pending: Pending, hello: ClientHello, parameters: ServerParameters): void {
    const { policy, tuning } = this.#options;
    const { remote, slot } = pending;
    const local = this.address;
    const config = quicConfig({
      certificate: parameters.certificate,
      alpns: parameters.alpns,
      demandCertificate: parameters.clientCertificate === 'demand',
      tuning,
    });
    const native = quiche.Connection.accept(
      Buffer.from(key, 'latin1'),
      pending.original,
      { host: local.address, port: local.port },
      { host: remote.address, port: remote.port },
      config,
    );
    const handshake: { timer?: NodeJS.Timeout } = {};
    const failed = (cause: HandshakeFailure) => {
      if (!this.#handshakes.delete(connection)) return;
      clearTimeout(handshake.timer);
      slot.release(cause);
    };
    const connection = new QuicConnection(
      { native, role: 'server', local, remote, sink: this.#bound, tuning, serverName: hello.serverName },
      {
        established: () => {
          this.#handshakes.delete(connection);
          clearTimeout(handshake.timer);
          slot.established();
          void connection.closed.then(() => slot.release());
          if (tuning.keepAlive) connection.keepAlive();
          policy.accepted(connection, slot);
        },
        gone: () => {
          this.#connections.delete(key);
          failed('transport');
        },
      },
    );
    this.#handshakes.set(connection, { end: failed });
    handshake.timer = setTimeout(
      () => {
        failed('timeout');
        connection.abandonAll();
      },
      Math.max(0, policy.handshakeTimeout - (performance.now() - pending.startedAt)),
    );
    void connection.closed.then(({ code }) => failed(handshakeFailure(code)));
    this.#connections.set(key, connection);
    for (const datagram of pending.datagrams) connection.receive(datagram);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (const key of [...this.#pending.keys()]) this.#giveUp(key, 'draining');
    for (const [connection, { end }] of [...this.#handshakes]) {
      end('draining');
      connection.closeTransport(connectionRefused, '');
    }
  }

  async close(): Promise<void> {
    this.drain();
    // One turn, so that close frames of this turn still leave.
    await new Promise((resolve) => setImmediate(resolve));
    for (const connection of [...this.#connections.values()]) connection.abandonAll();
    await this.#bound.close();
  }
}

function handshakeFailure(code: number): HandshakeFailure {
  if (code === noApplicationProtocol) return 'alpn';
  // RFC 9001 4.8: alerts about certificates and signatures.
  if (code === 0x174 || code === 0x12a || code === 0x12b || code === 0x133) return 'certificate';
  return code >= 0x100 && code <= 0x1ff ? 'tls' : 'transport';
}
