/**
 * A QUIC listener: a socket, a timer and the connections around the gate, which decides. `docs/spec/endpoint.md` 5, 6.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { RemoteAddress } from '@alknet/sdk';
import { quiche } from '@matrixai/quic/native/index.js';
import type { ListenOptions, TransportListener } from '../engine.ts';
import { quicConfig, sendPayload } from './config.ts';
import { QuicConnection } from './connection.ts';
import { type Admitted, Gate } from './gate.ts';
import { QuicSocket } from './socket.ts';
import { connectionRefused, handshakeFailure } from './transport-error.ts';

export class QuicListener implements TransportListener {
  readonly transport = 'quic';
  readonly #options: ListenOptions;
  #bound: { readonly socket: QuicSocket; readonly gate: Gate<QuicConnection> } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  async bind(): Promise<this> {
    const { host, port, policy, filter } = this.#options;
    const socket = await QuicSocket.bind(
      host,
      port,
      (data, remote) => {
        try {
          this.#datagram(data, remote);
        } catch {
          // Nothing that comes from the network may end the receive path (END-36).
          this.#gate.drop('error');
        }
      },
      () => this.#gate.drop('socket'),
    );
    const gate = new Gate<QuicConnection>({
      policy,
      local: socket.address,
      now: performance.now(),
      ...(filter === undefined ? {} : { filter }),
    });
    this.#bound = { socket, gate };
    return this;
  }

  get #gate(): Gate<QuicConnection> {
    if (this.#bound === undefined) throw new Error('QuicListener is not bound');
    return this.#bound.gate;
  }

  get #socket(): QuicSocket {
    if (this.#bound === undefined) throw new Error('QuicListener is not bound');
    return this.#bound.socket;
  }

  get address(): RemoteAddress {
    return this.#socket.address;
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.#gate.dropped;
  }

  /** Connections and half-open handshakes that take memory now. */
  get size(): { readonly connections: number; readonly pending: number } {
    return this.#gate.size;
  }

  #datagram(data: Buffer, remote: RemoteAddress): void {
    const verdict = this.#gate.datagram(data, remote, performance.now());
    switch (verdict.do) {
      case 'deliver':
        verdict.to.receive(data);
        break;
      case 'answer':
        this.#socket.sendStateless(verdict.datagram, remote);
        break;
      case 'accept':
        this.#accept(verdict.admitted);
        break;
    }
    this.#arm();
  }

  #accept(admitted: Admitted): void {
    let connection: QuicConnection;
    try {
      connection = this.#connect(admitted);
    } catch {
      // The certificate and its key cannot be loaded.
      this.#socket.sendStateless(this.#gate.spoiled(admitted), admitted.remote);
      return;
    }
    const { key } = admitted;
    this.#gate.opened(admitted, connection);
    void connection.closed.then(({ code }) => this.#gate.failed(key, handshakeFailure(code)));
    for (const datagram of admitted.datagrams) connection.receive(datagram);
  }

  #connect({ key, remote, original, hello, parameters, slot }: Admitted): QuicConnection {
    const { policy, tuning } = this.#options;
    const local = this.address;
    const native = quiche.Connection.accept(
      Buffer.from(key, 'latin1'),
      original,
      { host: local.address, port: local.port },
      { host: remote.address, port: remote.port },
      quicConfig({
        certificate: parameters.certificate,
        alpns: parameters.alpns,
        demandCertificate: parameters.clientCertificate === 'demand',
        payload: sendPayload(tuning, local, remote),
        tuning,
      }),
    );
    return new QuicConnection(
      { native, role: 'server', local, remote, sink: this.#socket, tuning, serverName: hello.serverName },
      {
        established: (connection) => {
          this.#gate.established(key);
          slot.established();
          void connection.closed.then(() => slot.release());
          if (tuning.keepAlive) connection.keepAlive();
          policy.accepted(connection, slot);
        },
        gone: () => this.#gate.gone(key),
      },
    );
  }

  // ── time, and the end ──────────────────────────────────────────────────────────────────────────────────────────

  #arm(): void {
    const at = this.#gate.nextExpiry;
    // An earlier timer looks again when it fires; only a later one must be brought forward.
    if (at >= this.#timerAt || at === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        for (const connection of this.#gate.expire(performance.now())) connection.abandonAll();
        this.#arm();
      },
      Math.max(1, at - performance.now() + 1),
    );
  }

  drain(): void {
    for (const connection of this.#gate.drain()) connection.closeTransport(connectionRefused, '');
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.drain();
    // One turn, so that close frames of this turn still leave.
    await new Promise((resolve) => setImmediate(resolve));
    for (const connection of this.#gate.connections()) connection.abandonAll();
    await this.#socket.close();
  }
}
