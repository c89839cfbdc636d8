/**
 * `npm run bench -- forward`: one port of this machine reached through an SSH server on it, the ways in turn, each byte
 * counted and compared.
 *
 * @module
 */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { beside, inTurns } from '../beside.ts';
import { ways } from './contenders.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    megabytes: { type: 'string', default: '256' },
    trips: { type: 'string', default: '2000' },
    connections: { type: 'string', default: '200' },
  },
});
const rounds = Number(values.rounds);
const megabytes = Number(values.megabytes);
const trips = Number(values.trips);
const connections = Number(values.connections);

const chunk = randomBytes(1024 * 1024);
const digestOfAll = (() => {
  const hash = createHash('sha256');
  for (let n = 0; n < megabytes; n++) hash.update(chunk);
  return hash.digest('hex');
})();

async function sendAll(socket: Socket): Promise<void> {
  for (let n = 0; n < megabytes; n++) if (!socket.write(chunk)) await once(socket, 'drain');
  socket.end();
}

/** Iterating would destroy the socket at its end, and it has an answer to give. */
async function digestOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (bytes) => hash.update(bytes)).resume();
  await once(socket, 'end');
  return hash.digest('hex');
}

/** The first byte says what is wanted: everything, its digest, or each byte back. */
const target = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', (first) => {
    const wanted = String.fromCharCode(first[0] ?? 0);
    socket.pause();
    if (first.length > 1) socket.unshift(first.subarray(1));
    if (wanted === 'g') void sendAll(socket);
    else if (wanted === 'p') void digestOf(socket).then((digest) => socket.end(digest));
    else socket.pipe(socket);
  });
}).listen(0, '127.0.0.1');

async function opened(port: number, wanted: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  socket.write(wanted);
  return socket;
}

async function ping(socket: Socket): Promise<void> {
  socket.write('x');
  await once(socket, 'data');
}

interface Row {
  readonly title: string;
  readonly unit: 's' | 'ms';
  /** What the whole is divided by. */
  readonly share: number;
  run(port: number): Promise<void>;
}

const rows: readonly Row[] = [
  {
    title: `get ${megabytes} MiB`,
    unit: 's',
    share: 1,
    async run(port) {
      const socket = await opened(port, 'g');
      socket.end();
      if ((await digestOf(socket)) !== digestOfAll) throw new Error('what came differs');
    },
  },
  {
    title: `put ${megabytes} MiB`,
    unit: 's',
    share: 1,
    async run(port) {
      const socket = await opened(port, 'p');
      const [, answer] = await Promise.all([sendAll(socket), socket.toArray()]);
      if (String(Buffer.concat(answer)) !== digestOfAll) throw new Error('what arrived differs');
    },
  },
  {
    title: 'a round trip of one byte',
    unit: 'ms',
    share: trips,
    async run(port) {
      const socket = await opened(port, 'e');
      for (let n = 0; n < trips; n++) await ping(socket);
      socket.destroy();
    },
  },
  {
    title: 'a new connection and a byte back',
    unit: 'ms',
    share: connections,
    async run(port) {
      for (let n = 0; n < connections; n++) {
        const socket = await opened(port, 'e');
        await ping(socket);
        socket.destroy();
      }
    },
  },
];

const shown = {
  s: (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`,
  ms: (milliseconds: number) => `${milliseconds.toFixed(2)} ms`,
};

await beside(async ({ place, running, lines }) => {
  running.push({ stop: async () => void target.close() });
  await once(target, 'listening');
  const address = target.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const all = await ways(place, port, running);
  lines.push(['', ...all.map(({ name }) => name)]);
  for (const row of rows) {
    const time = async (way: { readonly port: number }) => {
      const begun = performance.now();
      await row.run(way.port);
      return (performance.now() - begun) / row.share;
    };
    lines.push(await inTurns(row.title, all, rounds, time, shown[row.unit]));
  }
});
