/** What tests below the endpoint share: the tuning of a transport, and streams of a connection as the transport gives it. */

import type { Stream } from '@alknet/sdk';
import type { TransportConnection, TransportTuning } from '../../src/endpoint/engine.ts';

export const tuning: TransportTuning = {
  idleTimeout: 30_000,
  tlsIdleTimeout: 0,
  streamsPerConnection: 256,
  bufferedPerConnection: 32 << 20,
  udpPayload: 1350,
  loopbackUdpPayload: 8192,
  keepAlive: false,
};

/** Every stream of the peer gets back what it sent. */
export function echo(connection: TransportConnection): void {
  connection.serve((stream) => stream.pipe(stream));
}

/** The next stream that the peer opens, or the only one. */
export function streamOf(connection: TransportConnection): Promise<Stream> {
  return new Promise((resolve) => connection.serve(resolve));
}

export async function readAll(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export type StreamError = Error & { readonly code?: string; readonly streamCode?: number };

export const errorOf = (stream: Stream): Promise<StreamError> =>
  new Promise((resolve) => stream.once('error', resolve));
