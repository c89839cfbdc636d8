/** What the contract suite needs of an engine, and a listener of it with a policy that writes everything down. */

import type { TestContext } from 'node:test';
import type { Stream } from '@alknet/sdk';
import type {
  ClientHello,
  DialOptions,
  HandshakeFailure,
  ListenerPolicy,
  ListenOptions,
  ServerParameters,
  Transport,
  TransportConnection,
  TransportListener,
  TransportTuning,
} from '../../../src/endpoint/engine.ts';
import { streamOf, tuning } from '../bare-connection.ts';
import { makeCertificate } from '../certificates.ts';

export { until } from '../../eventually.ts';
export { echo, errorOf, readAll, streamOf, tuning } from '../bare-connection.ts';

export interface Engine {
  /** For the titles of tests. */
  readonly name: string;
  make(): Transport;
}

export const server = makeCertificate({ subject: 'server' });
export const client = makeCertificate({ subject: 'client' });

export interface ListeningOptions {
  readonly parameters?: Partial<ServerParameters>;
  readonly tuning?: Partial<TransportTuning>;
  readonly listen?: Partial<ListenOptions>;
  readonly admit?: () => boolean;
  /** What the policy does with a ClientHello in place of showing a certificate. */
  readonly onHello?: () => void;
  readonly onAccepted?: (connection: TransportConnection) => void;
}

export interface Listening {
  readonly transport: Transport;
  readonly listener: TransportListener;
  readonly hellos: readonly { readonly hello: ClientHello; readonly filter: readonly string[] | undefined }[];
  readonly failures: readonly HandshakeFailure[];
  /** Places given out and not given back. */
  slots(): number;
  readonly accepted: readonly TransportConnection[];
  dial(options?: Partial<DialOptions>): Promise<TransportConnection>;
  /** Both ends of a new connection: the dialled one first. */
  pair(options?: Partial<DialOptions>): Promise<[TransportConnection, TransportConnection]>;
}

export async function listening(
  t: TestContext,
  engine: Engine,
  options: ListeningOptions = {},
): Promise<Listening> {
  const hellos: { hello: ClientHello; filter: readonly string[] | undefined }[] = [];
  const failures: HandshakeFailure[] = [];
  const accepted: TransportConnection[] = [];
  let wanted: ((connection: TransportConnection) => void) | undefined;
  let held = 0;
  const policy: ListenerPolicy = {
    handshakeTimeout: 10_000,
    admit: () => {
      if (options.admit?.() === false) return undefined;
      held++;
      let isHeld = true;
      return {
        established() {},
        release(cause) {
          if (!isHeld) return;
          isHeld = false;
          held--;
          if (cause !== undefined) failures.push(cause);
        },
      };
    },
    parameters: (_transport, hello, _local, filter) => {
      hellos.push({ hello, filter });
      options.onHello?.();
      return {
        certificate: server,
        alpns: ['test/echo'],
        clientCertificate: transport.kind === 'quic' ? 'demand' : 'request',
        ...options.parameters,
      };
    },
    accepted: (connection, slot) => {
      slot.established();
      void connection.closed.then(() => slot.release());
      accepted.push(connection);
      options.onAccepted?.(connection);
      wanted?.(connection);
      wanted = undefined;
    },
  };
  const transport = engine.make();
  const all = { ...tuning, ...options.tuning };
  const listen = { host: '127.0.0.1', port: 0, policy, tuning: all, ...options.listen };
  const listener = await transport.listen(listen);
  t.after(async () => {
    await transport.close();
    await listener.close();
  });
  const dial = async (dialled: Partial<DialOptions> = {}) => {
    const connection = await transport.dial({
      address: listener.address,
      alpn: 'test/echo',
      serverName: null,
      certificate: client,
      verify: () => {},
      timeoutMs: 5000,
      tuning: all,
      ...dialled,
    });
    t.after(() => connection.close(0, ''));
    return connection;
  };
  return {
    transport,
    listener,
    hellos,
    failures,
    slots: () => held,
    accepted,
    dial,
    pair: async (dialled) => {
      const far = new Promise<TransportConnection>((resolve) => {
        wanted = resolve;
      });
      const near = await dial(dialled);
      return [near, await far];
    },
  };
}

/** Both ends of a stream, after a byte each way. */
export async function streamsOf(
  near: TransportConnection,
  far: TransportConnection,
): Promise<[Stream, Stream]> {
  const arriving = streamOf(far);
  const one = near.multiplexed ? await near.openStream() : await streamOf(near);
  one.write('!');
  const other = await arriving;
  await said(other);
  other.write('!');
  await said(one);
  return [one, other];
}

/** Something has come; the stream is paused then. */
export async function said(stream: Stream): Promise<void> {
  await new Promise((resolve) => stream.once('data', resolve));
  stream.pause();
}
