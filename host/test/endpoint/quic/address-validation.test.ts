import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseLongHeader } from '../../../src/endpoint/quic/packet.ts';
import { settledMemory } from '../../fuzz.ts';
import { listening, rawClient, send, turn, udpSocket, until } from './support.ts';

/** An Initial of a client, with ids of its own each time; its payload cannot be opened, which nobody needs to try. */
function initial(destination = randomBytes(16)): Buffer {
  const datagram = randomBytes(1200);
  datagram.set([0xc3, 0, 0, 0, 1, 16]);
  datagram.set(destination, 6);
  datagram[22] = 16;
  datagram[39] = 0;
  datagram.writeUInt16BE(0x4000 | (1200 - 42), 40);
  return datagram;
}

/** The promise names a million; each is treated alike, so that fewer show what any number does. */
const initials = Number(process.env.ALKNET_TEST_INITIALS ?? 50_000);

test('END-34 50 000 Initials without a token are answered by Retry only and leave tables and memory unchanged', async (t) => {
  const server = await listening(t);
  const socket = await udpSocket(t);
  const kinds = new Map<string, number>();
  let longest = 0;
  socket.on('message', (data: Buffer) => {
    const kind = parseLongHeader(data)?.type ?? 'other';
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    longest = Math.max(longest, data.length);
  });
  const template = initial();
  let before: Awaited<ReturnType<typeof settledMemory>> | undefined;
  for (let i = 0; i < initials; i++) {
    // As from a million clients: other connection ids each time.
    const datagram = Buffer.from(template);
    datagram.writeUInt32BE(i, 6);
    datagram.writeUInt32BE(i, 23);
    if (i % 32 === 0) {
      await send(socket, datagram, server.address);
      await turn();
    } else socket.send(datagram, server.address.port, server.address.address);
    if (i === initials / 10) before = await settledMemory();
  }
  await until(() => (kinds.get('retry') ?? 0) > initials / 2);
  assert(before);
  const { held } = await settledMemory();
  assert(held - before.held < 4 << 20, `${held - before.held} bytes more are held`);
  assert.deepEqual([...kinds.keys()], ['retry']);
  assert(longest <= 1200);
  assert.deepEqual(server.listener.size, { connections: 0, pending: 0 });
  assert.equal(server.admissions(), 0);
  await server.dial();
});

test('an Initial in less than 1200 bytes, or with a short destination id, is not answered', async (t) => {
  const server = await listening(t);
  const socket = await udpSocket(t);
  let answers = 0;
  socket.on('message', () => {
    answers++;
  });
  await send(socket, initial().subarray(0, 1199), server.address);
  const short = initial();
  short[5] = 7;
  await send(socket, short, server.address);
  await until(() => server.listener.dropped.malformed === 2);
  await turn();
  assert.equal(answers, 0);
});

/** The second Initial of a client, with the token that Retry gave it, which has not been sent to the listener. */
async function tokenInitial(t: Parameters<typeof rawClient>[0], address: { address: string; port: number }) {
  const client = await rawClient(t, address);
  await client.until(() => client.sent.length >= 2);
  const datagram = client.sent[1];
  assert(datagram);
  assert((parseLongHeader(datagram)?.token.length ?? 0) > 0);
  return { client, datagram };
}

test('END-35 a Retry token from another port creates no state', async (t) => {
  const server = await listening(t);
  const { client, datagram } = await tokenInitial(t, server.address);
  await client.until(() => client.native.isEstablished());
  await server.next();
  client.native.close(true, 0, Buffer.alloc(0));
  client.flush();
  await until(() => server.listener.size.connections === 0);
  const before = server.admissions();
  const other = await udpSocket(t);
  let answers = 0;
  other.on('message', () => {
    answers++;
  });
  for (let i = 0; i < 10; i++) await send(other, Buffer.from(datagram), server.address);
  await until(() => (server.listener.dropped.token ?? 0) >= 10);
  assert.equal(server.admissions(), before);
  assert.deepEqual(server.listener.size, { connections: 0, pending: 0 });
  assert.equal(answers, 0);
});

test('END-35 a Retry token after its life creates no state', async (t) => {
  const server = await listening(t, { handshakeTimeout: 150 });
  const { client, datagram } = await tokenInitial(t, server.address);
  await client.until(() => client.native.isEstablished());
  client.native.close(true, 0, Buffer.alloc(0));
  client.flush();
  await until(() => server.listener.size.connections === 0);
  const before = server.admissions();
  const madeBefore = performance.now();
  await until(() => performance.now() - madeBefore > 160);
  await send(client.socket, Buffer.from(datagram), server.address);
  await until(() => server.listener.dropped.token === 1);
  assert.equal(server.admissions(), before);
  assert.deepEqual(server.listener.size, { connections: 0, pending: 0 });
});

test('a ClientHello that never becomes complete is dropped at the handshake limit', async (t) => {
  const server = await listening(t, { handshakeTimeout: 150 });
  const alpns = Array.from({ length: 60 }, (_, i) => `long/${'x'.repeat(50)}/${i}`);
  const client = await rawClient(t, server.address, { alpns });
  const firsts = client.sent.length;
  const socket = client.socket;
  socket.removeAllListeners('message');
  const retry = await new Promise<Buffer>((resolve) => socket.once('message', resolve));
  client.native.recv(retry, {
    from: { host: server.address.address, port: server.address.port },
    to: { host: '127.0.0.1', port: socket.address().port },
  });
  // Only the first of the datagrams that the ClientHello needs.
  const out = Buffer.alloc(1350);
  const result = client.native.send(out);
  assert(firsts > 1 && result !== null);
  await send(socket, out.subarray(0, result[0]), server.address);
  await until(() => server.listener.size.pending === 1);
  assert.equal(server.slots(), 1);
  await until(() => server.slots() === 0);
  assert.deepEqual(server.failures, ['timeout']);
  assert.deepEqual(server.listener.size, { connections: 0, pending: 0 });
});

test('another version is answered with version negotiation, only in full datagrams', async (t) => {
  const server = await listening(t);
  const socket = await udpSocket(t);
  const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  const unknown = initial();
  unknown.writeUInt32BE(0x0a0a0a0a, 1);
  await send(socket, unknown.subarray(0, 1000), server.address);
  await send(socket, unknown, server.address);
  const header = parseLongHeader(await answer);
  assert.equal(header?.version, 0);
  assert.equal(server.listener.dropped.malformed, 1);
});
