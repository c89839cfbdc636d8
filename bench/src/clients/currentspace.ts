/**
 * Raw QUIC of `@currentspace/http3`: streams, and no calls.
 *
 * @module
 */

import { certifiedName } from '../certificate.ts';
import { load } from '../currentspace.ts';
import { message } from '../message.ts';
import { alpn, ask } from '../servers/currentspace.ts';
import type { Address, Client } from '../stack.ts';

const request = Buffer.concat([Buffer.from([ask.echo]), Buffer.from(JSON.stringify(message))]);

export function client(address: Address): Client {
  return {
    async connect() {
      const { connectQuicAsync } = await load();
      const session = await connectQuicAsync(`${address.host}:${address.port}`, {
        alpn: [alpn],
        ca: address.ca ?? '',
        servername: certifiedName,
        maxUdpPayloadSize: address.udpPayload,
      });
      session.on('error', () => {});
      return {
        async stream() {
          const stream = session.openStream();
          let got = 0;
          stream.end(request);
          await new Promise<void>((resolve, reject) =>
            stream
              .on('data', (chunk: Buffer) => {
                got += chunk.length;
              })
              .once('end', resolve)
              .once('error', reject),
          );
          if (got !== request.length) throw new Error(`expected ${request.length} bytes back, got ${got}`);
        },
        async bulk(onBytes) {
          const stream = session.openStream();
          stream.on('error', () => {});
          stream.on('data', (chunk: Buffer) => onBytes(chunk.length));
          stream.write(Buffer.from([ask.bulk]));
          return async () => {
            stream.destroy();
          };
        },
        close: () => session.close(),
      };
    },
  };
}
