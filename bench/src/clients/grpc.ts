/**
 * `@grpc/grpc-js` over TLS; each link has a channel, and so a connection, of its own.
 *
 * @module
 */

import {
  type ClientReadableStream,
  credentials,
  type Client as GrpcClient,
  makeGenericClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { certifiedName } from '../certificate.ts';
import { checkEcho, type Message, message } from '../message.ts';
import { service } from '../servers/grpc.ts';
import type { Address, Client, Link, Stop } from '../stack.ts';

/** What the constructor makes of the service's definition at run time. */
interface BenchClient extends GrpcClient {
  Echo(request: Message, done: (error: ServiceError | null, answer?: Message) => void): void;
  Items(request: Message): ClientReadableStream<Message>;
  Bulk(request: object): ClientReadableStream<{ data: Buffer }>;
}

const channel = { 'grpc.use_local_subchannel_pool': 1, 'grpc.ssl_target_name_override': certifiedName };

export function client(address: Address): Client {
  const Bench = makeGenericClientConstructor(service(), 'Bench');
  const target = `${address.host}:${address.port}`;
  const trust = credentials.createSsl(Buffer.from(address.ca ?? ''));
  return {
    async connect() {
      const bench = new Bench(target, trust, channel) as GrpcClient as BenchClient;
      await new Promise<void>((resolve, reject) => {
        bench.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
      });
      return link(bench);
    },
  };
}

function link(bench: BenchClient): Link {
  return {
    echo: () =>
      new Promise((resolve, reject) => {
        bench.Echo(message, (error, answer) => {
          if (error) return reject(error);
          checkEcho(answer);
          resolve();
        });
      }),
    items: async (onItem) => stopper(bench.Items(message).on('data', onItem)),
    bulk: async (onBytes) => stopper(bench.Bulk({}).on('data', ({ data }) => onBytes(data.length))),
    close: async () => bench.close(),
  };
}

function stopper(flow: ClientReadableStream<unknown>): Stop {
  flow.on('error', () => {}); // CANCELLED, as wished
  return () =>
    new Promise((resolve) => {
      flow.once('close', resolve).once('error', () => resolve());
      flow.cancel();
    });
}
