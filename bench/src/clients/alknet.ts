/**
 * The client of `@alknet/host`, with the operator's key: sessions of the call protocol, and bare streams.
 *
 * @module
 */

import { connect, dial, readIdentity } from '@alknet/host/client';
import { type Connection, firstStream } from '@alknet/sdk';
import { checkEcho, message } from '../message.ts';
import type { Address, Client, Link } from '../stack.ts';

const payload = Buffer.from(JSON.stringify(message));

export function client(stack: 'quic' | 'tls', address: Address): Client {
  const target = `${address.host}:${address.port}#${address.pin}`;
  const options = {
    transport: stack,
    udpPayload: address.udpPayload,
    loopbackUdpPayload: address.udpPayload,
  };
  // Once, as any program with many connections does.
  const identity = address.identity === undefined ? undefined : readIdentity(address.identity);
  const withIdentity = async () =>
    identity === undefined ? options : { ...options, identity: await identity };
  return {
    async connect(): Promise<Link> {
      const session = await connect(target, await withIdentity());
      // Dialled when a row first asks for it, so that a connection costs one handshake.
      let streams: Promise<Connection> | undefined;
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
          streams ??= withIdentity().then((known) => dial(target, 'bench/stream', known));
          const stream = await firstStream(await streams);
          stream.end(payload);
          await new Promise((resolve, reject) =>
            stream
              .on('data', () => {})
              .once('end', resolve)
              .once('error', reject),
          );
        },
        async bulk(onBytes) {
          const other = await dial(target, 'bench/bulk', await withIdentity());
          const stream = await firstStream(other);
          stream.on('error', () => {});
          stream.write('x');
          stream.on('data', (chunk: Buffer) => onBytes(chunk.length));
          return async () => {
            other.close(0, '');
            await other.closed;
          };
        },
        async close() {
          (await streams)?.close(0, '');
          session.close();
          await session.connection.closed;
        },
      };
    },
  };
}
