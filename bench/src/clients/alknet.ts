/**
 * A session over the bare transports, and streams of them. To be replaced by the client of `@alknet/host` as soon as a
 * node can be started.
 *
 * @module
 */

import { CarriedConnection, type Stream } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';
import type { TransportConnection } from '../../../host/src/endpoint/engine.ts';
import { quicTransport } from '../../../host/src/endpoint/quic/index.ts';
import { tlsTransport } from '../../../host/src/endpoint/tls/index.ts';
import { checkEcho, message } from '../message.ts';
import { tuning } from '../servers/alknet.ts';
import type { Address, Client, Link } from '../stack.ts';

const open = (connection: TransportConnection) =>
  connection.multiplexed
    ? connection.openStream()
    : new Promise<Stream>((resolve) => connection.serve(resolve));
const payload = Buffer.from(JSON.stringify(message));

export function client(stack: 'quic' | 'tls', address: Address): Client {
  const transport = stack === 'quic' ? quicTransport() : tlsTransport();
  const dial = (alpn: string) =>
    transport.dial({
      address: { address: address.host, port: address.port },
      alpn,
      serverName: null,
      certificate: null,
      verify: () => {},
      timeoutMs: 10_000,
      tuning: tuning(address.udpPayload),
    });
  return {
    async connect(): Promise<Link> {
      const called = await dial('alknet/call');
      const facts = {
        id: '1',
        alpn: 'alknet/call',
        transport: stack,
        remote: null,
        serverName: null,
        auth: {} as never,
      };
      const session = createSession(new CarriedConnection(called, facts));
      const connection = stack === 'quic' ? await dial('bench/stream') : called;
      return {
        echo: async () => checkEcho(await session.call('bench/echo', message)),
        async items(onItem) {
          const flow = session.subscribe('bench/items', message);
          void (async () => {
            for await (const _ of flow) onItem();
          })().catch(() => {});
          return async () => void (await flow.return?.());
        },
        async stream() {
          const stream = await open(connection);
          stream.end(payload);
          await new Promise((resolve, reject) =>
            stream
              .on('data', () => {})
              .once('end', resolve)
              .once('error', reject),
          );
        },
        async bulk(onBytes) {
          const other = await dial('bench/bulk');
          const stream = await open(other);
          stream.on('error', () => {});
          stream.write('x');
          stream.on('data', (chunk: Buffer) => onBytes(chunk.length));
          return async () => {
            other.close(0, '');
            await other.closed;
          };
        },
        async close() {
          connection.close(0, '');
          called.close(0, '');
          await connection.closed;
        },
      };
    },
  };
}
