/** A QUIC listener with a policy of the test's own, and clients of both kinds: ours, and one made by hand. */

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { RemoteAddress } from '@alknet/sdk';
import { quiche } from '@matrixai/quic/native/index.js';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import type {
  Certificate,
  ClientHello,
  DialOptions,
  HandshakeFailure,
  ListenerPolicy,
  ListenOptions,
  ServerParameters,
  TransportConnection,
  TransportTuning,
} from '../../../src/endpoint/engine.ts';
import { quicConfig } from '../../../src/endpoint/quic/config.ts';
import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { QuicListener } from '../../../src/endpoint/quic/listener.ts';
import { freshCertificate } from '../../../src/identity/certificate.ts';
import { readAll, tuning } from '../bare-connection.ts';

export { until } from '../../eventually.ts';
export { echo, readAll, streamOf, tuning } from '../bare-connection.ts';

export const serverCertificate = freshCertificate();
export const clientCertificate = freshCertificate();

export interface Listening {
  readonly listener: QuicListener;
  readonly address: RemoteAddress;
  readonly hellos: ClientHello[];
  readonly failures: HandshakeFailure[];
  /** Slots given out and not given back. */
  readonly slots: () => number;
  /** Admissions asked for. */
  readonly admissions: () => number;
  readonly accepted: TransportConnection[];
  /** The next connection whose handshake is complete. */
  next(): Promise<TransportConnection>;
  dial(options?: Partial<DialOptions>): Promise<TransportConnection>;
}

export interface ListeningOptions {
  readonly parameters?: Partial<ServerParameters>;
  readonly handshakeTimeout?: number;
  readonly tuning?: Partial<TransportTuning>;
  readonly listen?: Partial<ListenOptions>;
  readonly onAccepted?: (connection: TransportConnection) => void;
}

export async function listening(t: TestContext, options: ListeningOptions = {}): Promise<Listening> {
  const hellos: ClientHello[] = [];
  const failures: HandshakeFailure[] = [];
  const accepted: TransportConnection[] = [];
  const unseen: TransportConnection[] = [];
  const wanted: ((connection: TransportConnection) => void)[] = [];
  let slots = 0;
  let admissions = 0;
  const policy: ListenerPolicy = {
    handshakeTimeout: options.handshakeTimeout ?? 10_000,
    admit: () => {
      admissions++;
      slots++;
      let held = true;
      return {
        established() {},
        release: (cause) => {
          if (held) slots--;
          if (held && cause !== undefined) failures.push(cause);
          held = false;
        },
      };
    },
    parameters: (_transport, hello) => {
      hellos.push(hello);
      return {
        certificate: serverCertificate,
        alpns: ['test/echo'],
        clientCertificate: 'demand',
        ...options.parameters,
      };
    },
    accepted: (connection) => {
      accepted.push(connection);
      options.onAccepted?.(connection);
      const give = wanted.shift();
      if (give) give(connection);
      else unseen.push(connection);
    },
  };
  const transport = quicTransport();
  const all = { ...tuning, ...options.tuning };
  const listener = await new QuicListener({
    host: '127.0.0.1',
    port: 0,
    policy,
    tuning: all,
    ...options.listen,
  }).bind();
  t.after(async () => {
    await transport.close();
    await listener.close();
  });
  return {
    listener,
    address: listener.address,
    hellos,
    failures,
    slots: () => slots,
    admissions: () => admissions,
    accepted,
    next: async () => unseen.shift() ?? (await new Promise((resolve) => wanted.push(resolve))),
    dial: async (dial) => {
      const connection = await transport.dial({
        address: listener.address,
        alpn: 'test/echo',
        serverName: null,
        certificate: clientCertificate,
        verify: () => {},
        timeoutMs: 5000,
        tuning: all,
        ...dial,
      });
      t.after(() => connection.close(0, ''));
      return connection;
    },
  };
}

export async function roundTrip(connection: TransportConnection, data: Buffer): Promise<Buffer> {
  const stream = await connection.openStream();
  stream.end(data);
  return readAll(stream);
}

/** One turn of the event loop. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What is to be undone at the end: of a test, or of a part of it. */
export interface Ending {
  after(end: () => void | Promise<void>): void;
}

export async function udpSocket(t: Ending): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return socket;
}

export const send = (socket: Socket, datagram: Uint8Array, { address, port }: RemoteAddress): Promise<void> =>
  new Promise((resolve) => socket.send(datagram, port, address, () => resolve()));

export interface RawOptions {
  readonly alpns?: readonly string[];
  readonly certificate?: Certificate | null;
  readonly tuning?: Partial<TransportTuning>;
  /** A file for the TLS secrets of the connection. */
  readonly keyLog?: string;
}

/** A client of the test's own, which does what no well-behaved one does. */
export interface RawClient {
  readonly native: QuicheConnection;
  readonly socket: Socket;
  /** All datagrams sent and received. */
  readonly sent: Buffer[];
  readonly received: Buffer[];
  /** Sends whatever quiche has to send. */
  flush(): void;
  /** Waits for a state of the connection. */
  until(condition: () => boolean): Promise<void>;
  /** What comes is recorded and reaches quiche no more: it acknowledges nothing. */
  mute(): void;
}

export async function rawClient(
  t: Ending,
  remote: RemoteAddress,
  options: RawOptions = {},
): Promise<RawClient> {
  const socket = await udpSocket(t);
  const local = { host: '127.0.0.1', port: socket.address().port };
  const to = { host: remote.address, port: remote.port };
  const config = quicConfig({
    certificate: options.certificate === undefined ? clientCertificate : options.certificate,
    alpns: options.alpns ?? ['test/echo'],
    demandCertificate: false,
    payload: 1350,
    tuning: { ...tuning, ...options.tuning },
  });
  if (options.keyLog !== undefined) config.logKeys();
  const native = quiche.Connection.connect(null, randomBytes(16), local, to, config);
  if (options.keyLog !== undefined) native.setKeylog(options.keyLog);
  let muted = false;
  const sent: Buffer[] = [];
  const received: Buffer[] = [];
  const out = Buffer.alloc(1350);
  const flush = () => {
    for (;;) {
      let result: [number, unknown] | null;
      try {
        result = native.send(out);
      } catch {
        return;
      }
      if (result === null) return;
      const datagram = Buffer.from(out.subarray(0, result[0]));
      sent.push(datagram);
      socket.send(datagram, remote.port, remote.address);
    }
  };
  let wake = () => {};
  socket.on('message', (data: Buffer) => {
    received.push(Buffer.from(data));
    if (!muted) {
      try {
        native.recv(data, { from: to, to: local });
      } catch {
        // The test looks at the state.
      }
      flush();
    }
    wake();
  });
  // Loss recovery: a busy machine drops datagrams on loopback too.
  const timer = setInterval(() => {
    if (muted || native.timeout() !== 0) return;
    native.onTimeout();
    flush();
  }, 10);
  t.after(() => clearInterval(timer));
  flush();
  return {
    native,
    socket,
    sent,
    received,
    flush,
    until: async (condition) => {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    mute: () => {
      muted = true;
    },
  };
}
