/**
 * `@grpc/grpc-js` over TLS, as its documentation has it.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { chunkSize, type Message, message } from '../message.ts';
import type { ServeOptions, Server } from '../stack.ts';

const protoFile = fileURLToPath(new URL('../../echo.proto', import.meta.url));

/** The service of echo.proto; its methods are checked by their use, the loader knows no types. */
export function service(): ServiceDefinition {
  const definition = loadSync(protoFile, { keepCase: true, defaults: true })['bench.Bench'];
  if (definition === undefined || 'format' in definition) throw new Error(`no service Bench in ${protoFile}`);
  return definition;
}

/** Writes `value` until the client has gone, no faster than it is taken. */
function pour<T>(call: ServerWritableStream<unknown, T>, value: T): void {
  const more = () => {
    while (!call.cancelled) if (!call.write(value)) return void call.once('drain', yieldThen(more));
  };
  more();
}

/** A drain may come in the same turn; the socket must get its turn too. */
const yieldThen = (next: () => void) => () => void setImmediate(next);

export async function serve({ certificate }: ServeOptions): Promise<Server> {
  const server = new GrpcServer();
  const data = Buffer.alloc(chunkSize, 1);
  server.addService(service(), {
    Echo: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => done(null, call.request),
    Items: (call: ServerWritableStream<Message, Message>) => pour(call, message),
    Bulk: (call: ServerWritableStream<object, { data: Buffer }>) => pour(call, { data }),
  });
  const credentials = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(certificate.cert), private_key: Buffer.from(certificate.key) },
  ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    address: { host: '127.0.0.1', port, ca: certificate.cert, udpPayload: 0 },
    stop: async () => server.forceShutdown(),
  };
}
