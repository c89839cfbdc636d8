import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Fuzz, fuzz, settledMemory } from '../../fuzz.ts';
import { forger } from './forger.ts';
import {
  echo,
  type Listening,
  listening,
  rawClient,
  roundTrip,
  send,
  turn,
  udpSocket,
  until,
} from './support.ts';

const MiB = 1024 * 1024;

/** Both directions of a session: handshake with Retry, streams, a reset, an end. */
async function recorded(t: TestContext, server: Listening, { pick, bytes }: Fuzz) {
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  for (let n = 0; n < 8; n++) {
    client.native.streamSend(4 * n, bytes(pick(3000)), pick(2) === 0);
    if (pick(4) === 0) client.native.streamShutdown(4 * n, 1, 7);
    client.flush();
    await turn();
  }
  return client;
}

/** What hostile traffic may leave behind once it is over. */
async function leavesNothing(server: Listening, before: Awaited<ReturnType<typeof settledMemory>>) {
  for (const connection of server.accepted.splice(0)) connection.close(0, '');
  await until(() => server.listener.size.connections === 0 && server.listener.size.pending === 0, 20_000);
  const after = await settledMemory();
  const held = after.held - before.held;
  assert(held < 8 * MiB, `${(held / MiB).toFixed(1)} MiB more are held`);
  const resident = after.resident - before.resident;
  assert(resident < 96 * MiB, `${(resident / MiB).toFixed(1)} MiB more are resident`);
}

test('END-36 100 000 mutated datagrams raise no exception, and a good client connects during and after', async (t) => {
  const random = fuzz(t);
  const { pick, one, mutate } = random;
  const server = await listening(t, {
    onAccepted: echo,
    handshakeTimeout: 500,
    tuning: { loopbackUdpPayload: 1350, idleTimeout: 3000, keepAlive: false },
  });
  const good = await server.dial();
  const clients = [await recorded(t, server, random), await recorded(t, server, random)];
  const corpus = clients.flatMap((client) => [...client.sent, ...client.received]);
  const stranger = await udpSocket(t);
  const sockets = [stranger, ...clients.map(({ socket }) => socket)];
  let before: Awaited<ReturnType<typeof settledMemory>> | undefined;
  const datagrams = 100_000;
  for (let sent = 0; sent < datagrams || random.goesOn; sent++) {
    // From the connection's own port, another connection's, and a stranger's; in any order, again and again.
    const datagram = mutate(one(corpus), one(corpus));
    const socket = one(sockets);
    if (sent % 32 === 0) {
      await send(socket, datagram, server.address);
      await turn();
    } else socket.send(datagram, server.address.port, server.address.address);
    if (sent === 10_000) before = await settledMemory();
    if (sent % 20_000 === 5000) {
      assert.equal((await roundTrip(await server.dial(), Buffer.from('during'))).toString(), 'during');
      for (const client of clients) if (pick(2) === 0) client.flush();
    }
  }
  assert.equal((await roundTrip(good, Buffer.from('still'))).toString(), 'still');
  const after = await server.dial();
  assert.equal((await roundTrip(after, Buffer.from('after'))).toString(), 'after');
  assert.equal(server.listener.dropped.error ?? 0, 0);
  assert(before);
  for (const client of clients) client.received.length = 0;
  await leavesNothing(server, before);
});

/** A frame of any type, known or not, with fields that are sometimes sensible. RFC 9000 19. */
function anyFrame({ pick, one, bytes }: Fuzz): Buffer {
  const number = () => {
    const width = one([1, 2, 4, 8]);
    const made = one([() => bytes(width), () => Buffer.alloc(width), () => Buffer.alloc(width, 0xff)])();
    if (pick(2) === 0) made.fill(0, 0, width - 1);
    made[0] = ((made[0] ?? 0) & 0x3f) | (Math.log2(width) << 6);
    return made;
  };
  const type = Buffer.from([pick(20) === 0 ? pick(256) : pick(0x20)]);
  const fields = Array.from({ length: pick(6) }, number);
  return Buffer.concat([type, ...fields, bytes(one([0, 0, 8, 16, pick(40)]))]);
}

test('END-36 frames of any kind in well-protected packets raise no exception and harm nobody else', async (t) => {
  const random = fuzz(t);
  const server = await listening(t, { onAccepted: echo, tuning: { idleTimeout: 3000 } });
  const good = await server.dial();
  await server.next();
  let before: Awaited<ReturnType<typeof settledMemory>> | undefined;
  let ended = 0;
  let connections = 0;
  for (; random.goesOn || connections < 40; connections++) {
    const endings: (() => void | Promise<void>)[] = [];
    const attacker = await forger({ after: (end) => void endings.push(end) }, server.address);
    const accepted = await server.next();
    void accepted.closed.then(() => {
      ended++;
    });
    if (random.pick(2) === 0) attacker.mute();
    for (let packets = random.pick(60); packets >= 0; packets--) {
      attacker.forge(...Array.from({ length: 1 + random.pick(8) }, () => anyFrame(random)));
      if (random.pick(4) === 0) await turn();
    }
    if (random.pick(8) === 0) assert.equal((await roundTrip(good, Buffer.from('still'))).toString(), 'still');
    accepted.close(0, '');
    for (const end of endings) await end();
    if (connections === 20) before = await settledMemory();
  }
  assert(ended > 0);
  assert.equal(server.listener.dropped.error ?? 0, 0);
  assert.equal((await roundTrip(await server.dial(), Buffer.from('after'))).toString(), 'after');
  assert(before);
  await leavesNothing(server, before);
});
