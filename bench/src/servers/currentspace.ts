/**
 * Raw QUIC of `@currentspace/http3`. The first byte of a stream says what is wanted: the rest echoed, or endless bytes.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { load } from '../currentspace.ts';
import { chunkSize } from '../message.ts';
import type { ServeOptions, Server } from '../stack.ts';

export const ask = { echo: 0, bulk: 1 } as const;
export const alpn = 'bench';

const chunk = Buffer.alloc(chunkSize, 1);

function pour(stream: Duplex): void {
  const more = () => {
    while (!stream.destroyed) if (!stream.write(chunk)) return void stream.once('drain', more);
  };
  more();
}

function accept(stream: Duplex): void {
  // A stream ends with its connection.
  stream.on('error', () => {});
  stream.once('data', (first: Buffer) => {
    if (first[0] === ask.bulk) {
      stream.resume();
      return pour(stream);
    }
    stream.write(first);
    stream.pipe(stream);
  });
}

export async function serve({ certificate, udpPayload }: ServeOptions): Promise<Server> {
  const { createQuicServer } = await load();
  const server = createQuicServer({
    ...certificate,
    alpn: [alpn],
    maxUdpPayloadSize: udpPayload,
    disableRetry: false,
  });
  server.on('error', () => {});
  server.on('session', (session) => session.on('error', () => {}).on('stream', accept));
  const { port } = await server.listen(0, '127.0.0.1');
  return {
    address: { host: '127.0.0.1', port, ca: certificate.cert, udpPayload },
    stop: () => server.close(),
  };
}
