/**
 * JSON over `ws` with TLS, with the table of pending calls that every such client has.
 *
 * @module
 */

import { WebSocket } from 'ws';
import { certifiedName } from '../certificate.ts';
import { checkEcho, message } from '../message.ts';
import type { Frame } from '../servers/ws.ts';
import type { Address, Client, Link, Stop } from '../stack.ts';

export function client(address: Address): Client {
  const url = `wss://${address.host}:${address.port}`;
  // `servername` goes on to node:tls, which the types of ws do not say.
  const options = { ca: address.ca, servername: certifiedName, perMessageDeflate: false };
  return {
    async connect() {
      const socket = new WebSocket(url, options);
      await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return link(socket);
    },
  };
}

function link(socket: WebSocket): Link {
  const waiting = new Map<number, (payload: unknown) => void>();
  let lastId = 0;
  let onBytes = (_length: number) => {};
  socket.on('message', (data, binary) => {
    if (binary) return onBytes((data as Buffer).length);
    const { id, payload } = JSON.parse(String(data)) as { id: number; payload: unknown };
    waiting.get(id)?.(payload);
  });
  const send = (frame: Frame) => socket.send(JSON.stringify(frame));
  /** Messages that were on their way are still counted by nobody when the answer to `stop` is here. */
  const stopper = (id: number): Stop => {
    return () =>
      new Promise((resolve) => {
        waiting.set(id, (payload) => {
          if (payload !== null) return;
          waiting.delete(id);
          resolve();
        });
        send({ id, op: 'stop' });
      });
  };
  return {
    echo: () =>
      new Promise((resolve) => {
        const id = ++lastId;
        waiting.set(id, (payload) => {
          waiting.delete(id);
          checkEcho(payload);
          resolve();
        });
        send({ id, op: 'echo', payload: message });
      }),
    async items(onItem) {
      const id = ++lastId;
      waiting.set(id, onItem);
      send({ id, op: 'items' });
      return stopper(id);
    },
    async bulk(received) {
      const id = ++lastId;
      onBytes = received;
      send({ id, op: 'bulk' });
      const stop = stopper(id);
      return () => {
        onBytes = () => {};
        return stop();
      };
    },
    close: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve());
        socket.close();
      }),
  };
}
