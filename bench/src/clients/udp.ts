/**
 * Bare datagrams: ping-pong with one datagram under way, and counting what arrives of a flood.
 *
 * @module
 */

import { createSocket } from 'node:dgram';
import { checkEcho, message } from '../message.ts';
import { ask } from '../servers/udp.ts';
import type { Address, Client } from '../stack.ts';

export function client(address: Address): Client {
  const ping = Buffer.concat([Buffer.from([ask.echo]), Buffer.from(JSON.stringify(message))]);
  return {
    async connect() {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
      await new Promise<void>((resolve) => socket.connect(address.port, address.host, resolve));
      let arrived = (_data: Buffer) => {};
      socket.on('message', (data) => arrived(data));
      return {
        echo: () =>
          new Promise((resolve) => {
            arrived = (data) => {
              checkEcho(JSON.parse(data.toString('utf8', 1)));
              resolve();
            };
            socket.send(ping);
          }),
        async bulk(onBytes) {
          arrived = (data) => onBytes(data.length);
          socket.send(Buffer.from([ask.bulk]));
          return async () => {
            arrived = () => {};
            socket.send(Buffer.from([ask.stop]));
          };
        },
        async close() {
          socket.close();
        },
      };
    },
  };
}
