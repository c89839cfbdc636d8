/**
 * Bare datagrams of `node:dgram`: the floor on which QUIC stands in Node. No encryption, no acknowledgement, no order.
 *
 * @module
 */

import { createSocket, type RemoteInfo } from 'node:dgram';
import type { ServeOptions, Server } from '../stack.ts';

/** First byte of a client's datagram. */
export const ask = { echo: 0, bulk: 1, stop: 2 } as const;

/** Datagrams handed to the system and not yet taken; more than a few make no sender faster. */
const outstanding = 32;

/** Bytes that a burst may leave waiting in the kernel. */
const socketBuffer = 4 << 20;

export async function serve({ udpPayload }: ServeOptions): Promise<Server> {
  const socket = createSocket('udp4');
  const chunk = Buffer.alloc(udpPayload, 1);
  let pouring = false;
  const pour = (to: RemoteInfo) => {
    if (pouring) socket.send(chunk, to.port, to.address, () => pour(to));
  };
  socket.on('message', (data, from) => {
    switch (data[0]) {
      case ask.echo:
        socket.send(data, from.port, from.address);
        break;
      case ask.bulk:
        pouring = true;
        for (let n = 0; n < outstanding; n++) pour(from);
        break;
      case ask.stop:
        pouring = false;
    }
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.setSendBufferSize(socketBuffer);
  const { port } = socket.address();
  return {
    address: { host: '127.0.0.1', port, udpPayload },
    async stop() {
      pouring = false;
      socket.close();
    },
  };
}
