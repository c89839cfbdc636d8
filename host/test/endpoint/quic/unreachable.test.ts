import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { listening } from './support.ts';

test('a dial to a port where nobody listens fails as soon as the system knows', {
  skip: process.platform !== 'linux' && 'how soon ICMP is told differs by system; this is about Linux',
}, async (t) => {
  const server = await listening(t);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  const dial = server.dial({ address: { address: '127.0.0.1', port }, timeoutMs: 60_000 });
  await assert.rejects(dial, {
    code: 'Connect',
    message: `127.0.0.1:${port} over QUIC: nobody listens there (ECONNREFUSED)`,
  });
});

test('a dial to where the system lets no datagram go fails at once, and ends nothing else', async (t) => {
  const server = await listening(t);
  // The address of all hosts of a network, which a socket must ask for (SO_BROADCAST).
  const dial = server.dial({ address: { address: '255.255.255.255', port: 4433 }, timeoutMs: 60_000 });
  await assert.rejects(dial, {
    code: 'Connect',
    message: '255.255.255.255:4433 over QUIC: cannot be reached (EACCES)',
  });
});
