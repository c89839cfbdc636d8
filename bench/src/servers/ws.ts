/**
 * JSON over `ws` with TLS: the least that a call protocol could be. No registry, no schema, no access.
 *
 * @module
 */

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { chunkSize, message } from '../message.ts';
import type { ServeOptions, Server } from '../stack.ts';

/** What travels as JSON; bulk data travels as binary messages. */
export interface Frame {
  readonly id: number;
  readonly op: 'echo' | 'items' | 'bulk' | 'stop';
  readonly payload?: unknown;
}

/** Bytes waiting in one socket above which a flow waits for the network. */
const ahead = 1 << 20;

/** Sends what `next` makes until `stopped`, no faster than it is taken. */
function pour(socket: WebSocket, next: () => string | Buffer, stopped: () => boolean): void {
  const more = () => {
    while (!stopped() && socket.readyState === socket.OPEN) {
      if (socket.bufferedAmount < ahead) socket.send(next());
      else return socket.send(next(), () => setImmediate(more));
    }
  };
  more();
}

function accept(socket: WebSocket): void {
  const flows = new Set<number>();
  const chunk = Buffer.alloc(chunkSize, 1);
  socket.on('message', (data) => {
    const { id, op, payload } = JSON.parse(String(data)) as Frame;
    if (op === 'echo') return socket.send(JSON.stringify({ id, payload }));
    if (op === 'stop') {
      flows.delete(id);
      return socket.send(JSON.stringify({ id, payload: null }));
    }
    flows.add(id);
    pour(
      socket,
      op === 'bulk' ? () => chunk : () => JSON.stringify({ id, payload: message }),
      () => !flows.has(id),
    );
  });
}

export async function serve({ certificate }: ServeOptions): Promise<Server> {
  const https = createServer({ cert: certificate.cert, key: certificate.key });
  const sockets = new WebSocketServer({ server: https, perMessageDeflate: false });
  sockets.on('connection', accept);
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  const { port } = https.address() as AddressInfo;
  return {
    address: { host: '127.0.0.1', port, ca: certificate.cert, udpPayload: 0 },
    async stop() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      https.close();
    },
  };
}
