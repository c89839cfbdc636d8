/** A TLS listener with a policy of the test's own, and what a client needs to reach it. */

import type { TestContext } from 'node:test';
import type { RemoteAddress } from '@alknet/sdk';
import type {
  ClientHello,
  DialOptions,
  HandshakeFailure,
  ListenerPolicy,
  ListenOptions,
  ServerParameters,
  TransportConnection,
} from '../../../src/endpoint/engine.ts';
import { tlsTransport } from '../../../src/endpoint/tls/index.ts';
import { tuning } from '../bare-connection.ts';
import { makeCertificate } from '../certificates.ts';

export { errorOf, readAll, streamOf, tuning } from '../bare-connection.ts';

export const serverCertificate = makeCertificate({ subject: 'server' });

export interface Listening {
  readonly address: RemoteAddress;
  readonly hellos: ClientHello[];
  readonly failures: HandshakeFailure[];
  /** The next connection whose handshake is complete. */
  next(): Promise<TransportConnection>;
  /** How many were accepted and not asked for. */
  readonly waiting: number;
  dial(options?: Partial<DialOptions>): Promise<TransportConnection>;
  drain(): void;
}

export interface ListeningOptions {
  readonly parameters?: Partial<ServerParameters>;
  readonly handshakeTimeout?: number;
  readonly listen?: Partial<ListenOptions>;
  readonly admit?: () => boolean;
}

export async function listening(t: TestContext, options: ListeningOptions = {}): Promise<Listening> {
  const hellos: ClientHello[] = [];
  const failures: HandshakeFailure[] = [];
  const accepted: TransportConnection[] = [];
  const wanted: ((connection: TransportConnection) => void)[] = [];
  const policy: ListenerPolicy = {
    handshakeTimeout: options.handshakeTimeout ?? 10_000,
    admit: () =>
      options.admit?.() === false
        ? undefined
        : { established() {}, release: (cause) => void (cause && failures.push(cause)) },
    parameters: (_transport, hello) => {
      hellos.push(hello);
      return {
        certificate: serverCertificate,
        alpns: ['test/echo'],
        clientCertificate: 'request',
        ...options.parameters,
      };
    },
    accepted: (connection) => {
      const give = wanted.shift();
      if (give) give(connection);
      else accepted.push(connection);
    },
  };
  const transport = tlsTransport();
  const listener = await transport.listen({ host: '127.0.0.1', port: 0, policy, tuning, ...options.listen });
  t.after(() => listener.close());
  return {
    address: listener.address,
    hellos,
    failures,
    get waiting() {
      return accepted.length;
    },
    next: async () => accepted.shift() ?? (await new Promise((resolve) => wanted.push(resolve))),
    dial: async (dial) => {
      const connection = await transport.dial({
        address: listener.address,
        alpn: 'test/echo',
        serverName: null,
        certificate: null,
        verify: () => {},
        timeoutMs: 5000,
        tuning,
        ...dial,
      });
      t.after(() => connection.close(0, ''));
      return connection;
    },
    drain: () => listener.drain(),
  };
}
