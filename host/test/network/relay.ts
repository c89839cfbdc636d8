/** A UDP relay on loopback that stands between clients and a server as a bad path, or as a NAT, would. */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { RemoteAddress } from '@alknet/sdk';
import { type Impairment, Path } from './impairment.ts';

export interface Relay {
  readonly address: RemoteAddress;
  /** To the server, and back from it. */
  readonly there: Path;
  readonly back: Path;
  /** Lengths of the UDP payloads that it was given. */
  readonly lengths: number[];
  /** Another port towards the server from now on, as a NAT takes that has forgotten its clients; the old one is kept. */
  rebind(): Promise<void>;
  /** The old port again. */
  restore(): void;
}

export async function relay(
  t: TestContext,
  server: RemoteAddress,
  impairment: Impairment = {},
  seed = 1,
): Promise<Relay> {
  const there = new Path(impairment, seed);
  const back = new Path(impairment, seed + 1);
  const lengths: number[] = [];
  const sockets: Socket[] = [];
  const open = async () => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
    sockets.push(socket);
    // Of a server that is gone, or a client that is.
    socket.on('error', () => {});
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return socket;
  };
  let over = false;
  t.after(async () => {
    over = true;
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  });
  const front = await open();
  /** By the port of the client. */
  const outward = new Map<number, Socket>();
  const old = new Map<number, Socket>();
  const towards = (client: number, socket: Socket) => {
    outward.set(client, socket);
    socket.on('message', (data: Buffer) => {
      lengths.push(data.length);
      back.carry(data.length, () => {
        if (!over) front.send(data, client, '127.0.0.1');
      });
    });
  };
  const waiting = new Map<number, Promise<Socket>>();
  front.on('message', async (data: Buffer, { port }) => {
    lengths.push(data.length);
    let socket = outward.get(port);
    if (socket === undefined) {
      const opening = waiting.get(port) ?? open();
      waiting.set(port, opening);
      socket = await opening;
      if (!outward.has(port)) towards(port, socket);
    }
    const out = socket;
    there.carry(data.length, () => {
      if (!over) out.send(data, server.port, server.address);
    });
  });
  return {
    address: { address: '127.0.0.1', port: front.address().port },
    there,
    back,
    lengths,
    async rebind() {
      for (const [client, socket] of [...outward]) {
        old.set(client, socket);
        towards(client, await open());
      }
    },
    restore() {
      for (const [client, socket] of old) outward.set(client, socket);
    },
  };
}
