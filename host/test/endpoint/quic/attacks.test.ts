import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CloseCode } from '@alknet/sdk';
import { lastingSurplus, maxSurplus, surplusPeriod } from '../../../src/endpoint/quic/budgets.ts';
import { maxOutstanding, QuicSocket } from '../../../src/endpoint/quic/socket.ts';
import { forger } from './forger.ts';
import * as frames from './frames.ts';
import { echo, listening, rawClient, roundTrip, tuning, turn, udpSocket, until } from './support.ts';

const byte = Buffer.from('a');
const MiB = 1024 * 1024;

/**
 * A connection that acknowledges nothing and sends what `frame` makes, with a byte of a stream now and then that would
 * begin every simple count anew. `lasting`: as much as may not stay, and one more datagram when its time is over.
 */
async function floodWith(t: TestContext, frame: (n: number) => Buffer, much: 'lasting' | 'most') {
  const server = await listening(t, { onAccepted: echo });
  const bystander = await server.dial();
  await server.next();
  const attacker = await forger(t, server.address);
  const accepted = await server.next();
  attacker.mute();
  let isOver = false;
  void accepted.closed.then(() => {
    isOver = true;
  });
  let made = 0;
  let bytes = 0;
  let datagrams = 0;
  const datagram = async () => {
    const batch: Buffer[] = [];
    let size = 0;
    while (size < 7000) {
      const next = frame(made++);
      batch.push(next);
      size += next.length;
    }
    if (datagrams % 20 === 0) batch.push(frames.stream(0, datagrams / 20, byte));
    datagrams++;
    bytes += size;
    attacker.forge(...batch);
    await turn();
  };
  const most = much === 'lasting' ? 1.2 * lastingSurplus : 2 * maxSurplus;
  while (bytes < most && !isOver) await datagram();
  if (much === 'lasting') {
    assert.equal(isOver, false);
    const since = performance.now();
    await until(() => performance.now() - since > surplusPeriod + 100);
    await datagram();
  }
  const info = await accepted.closed;
  assert.deepEqual(info, {
    code: CloseCode.LIMIT,
    reason: 'limit: bytes without stream progress',
    by: 'host',
  });
  // Whether or not the close can be sent to one who acknowledges nothing.
  await until(() => server.listener.size.connections === 1);
  assert.equal((await roundTrip(bystander, Buffer.from('hi'))).toString(), 'hi');
  return bytes;
}

test('END-37 what quiche keeps without a bound is ended with LIMIT, and nobody else notices', {
  concurrency: true,
}, async (t) => {
  const attack = (name: string, frame: (n: number) => Buffer) =>
    t.test(name, async (t) => {
      await floodWith(t, frame, 'lasting');
    });
  await Promise.all([
    attack('path challenges whose answers are never acknowledged', () => frames.pathChallenge()),
    attack('connection ids to be retired, retirement never acknowledged', (n) =>
      n === 0 ? frames.newConnectionId(1 << 24, 1 << 24) : frames.newConnectionId(n, 0),
    ),
    attack('CRYPTO frames after the handshake, with a hole before them', (n) =>
      frames.crypto(10 + 2 * n, byte),
    ),
    attack('pieces of one byte, with holes between them', (n) =>
      frames.stream(4 * (1 + (n % 8)), 10 + 2 * (n >> 3), byte),
    ),
    attack('streams that are opened and reset at once', () => frames.resetStream(4)),
  ]);
});

test('END-37 the most that a peer can make quiche keep is 20 MiB of what it sent', async (t) => {
  const bytes = await floodWith(t, () => frames.pathChallenge(), 'most');
  assert(bytes > 0.9 * maxSurplus && bytes < 1.2 * maxSurplus, `${bytes} bytes`);
});

test('CRYPTO frames in order after the handshake end the connection at 16 KiB with a transport error', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const attacker = await forger(t, server.address);
  attacker.mute();
  // The head of a message of 16 MiB: no more of it than a flight may have is kept.
  const message = Buffer.alloc(1000, 0xff);
  for (let n = 0; n < 20; n++) {
    attacker.forge(frames.crypto(n * message.length, message));
    await turn();
  }
  const { by, reason } = await (await server.next()).closed;
  assert.equal(by, 'transport');
  assert.notEqual(reason, 'idle time-out');
});

test('retiring the only connection id, or one never given, ends that connection alone', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const bystander = await server.dial();
  await server.next();
  for (const sequence of [0, 5]) {
    const attacker = await forger(t, server.address);
    const accepted = await server.next();
    attacker.forge(frames.retireConnectionId(sequence));
    assert.equal((await accepted.closed).by, 'transport');
  }
  assert.equal((await roundTrip(bystander, Buffer.from('hi'))).toString(), 'hi');
});

test('acknowledgements of what has not been received make nobody send faster than 64 datagrams a turn', async (t) => {
  let turns = 0;
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  const data = Buffer.alloc(64 * MiB);
  const server = await listening(t, {
    tuning: { loopbackUdpPayload: 1350 },
    onAccepted: (connection) => connection.serve((stream) => stream.resume().write(data)),
  });
  const attacker = await forger(t, server.address);
  const bystander = await server.dial();
  attacker.mute();
  const window = 1 << 28;
  attacker.forge(frames.stream(0, 0, byte), frames.maxData(window), frames.maxStreamData(0, window));
  await until(() => attacker.received.length > 20);
  const before = attacker.received.length;
  setImmediate(count);
  let asked: Promise<unknown> | undefined;
  for (let i = 0; i < 300; i++) {
    // Every packet that may have been sent until now, and more.
    attacker.forge(frames.ack(200_000));
    await turn();
    if (i === 100) asked = bystander.openStream().then((stream) => stream.destroy());
  }
  counting = false;
  await asked;
  const got = attacker.received.length - before;
  assert(got > 1000, `the acknowledgements had no effect: ${got} datagrams`);
  assert(got <= 64 * (turns + 2), `${got} datagrams in ${turns} turns`);
});

test('datagrams that the system does not take are bounded, and dropped beyond', async (t) => {
  const sink = await udpSocket(t);
  const socket = await QuicSocket.bind(
    '127.0.0.1',
    0,
    () => {},
    () => {},
  );
  t.after(() => socket.close());
  const to = { address: '127.0.0.1', port: sink.address().port };
  const held = new Set<Buffer>();
  for (let i = 0; i < 2 * maxOutstanding; i++) {
    held.add(socket.buffer());
    socket.send(1, to);
  }
  // One buffer each, and beyond that the few that came back at once.
  assert(held.size <= maxOutstanding + 1, `${held.size} buffers`);
  await turn();
  const came = new Promise((resolve) =>
    sink.on('message', (data) => data.length === 2 && resolve(undefined)),
  );
  await until(() => {
    socket.send(2, to);
    return true;
  });
  await came;
});

test('streams that are reset give their credit back, however they were reset', {
  concurrency: true,
}, async (t) => {
  type Act = (client: Awaited<ReturnType<typeof rawClient>>, id: number) => void | Promise<void>;
  const rounds = 200;
  const scenario = async (t: TestContext, act: Act) => {
    const server = await listening(t, { onAccepted: echo, tuning: { streamsPerConnection: 8 } });
    const client = await rawClient(t, server.address);
    await client.until(() => client.native.isEstablished());
    const seen = () => server.accepted[0]?.stats().streams ?? -1;
    for (let n = 0; n < rounds; n++) {
      await client.until(() => client.native.peerStreamsLeftBidi() > 0);
      await act(client, 4 * n);
      client.flush();
    }
    await until(() => seen() === 0);
  };
  const send = (client: Awaited<ReturnType<typeof rawClient>>, id: number) =>
    client.native.streamSend(id, Buffer.from('hello'), false);
  const [read, write] = [0, 1];
  await Promise.all([
    t.test('at once', (t) =>
      scenario(t, (client, id) => {
        send(client, id);
        client.native.streamShutdown(id, write, 7);
      }),
    ),
    t.test('after an answer', (t) =>
      scenario(t, async (client, id) => {
        send(client, id);
        client.flush();
        await client.until(() => client.native.streamReadable(id));
        client.native.streamShutdown(id, write, 7);
      }),
    ),
    t.test('in both directions', (t) =>
      scenario(t, async (client, id) => {
        send(client, id);
        client.flush();
        await client.until(() => client.native.streamReadable(id));
        client.native.streamShutdown(id, write, 7);
        client.native.streamShutdown(id, read, 7);
      }),
    ),
  ]);
});

test('END-38 a peer that sends and never reads stays within limits.bufferedPerConnection', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  const accepted = await server.next();
  const chunk = Buffer.alloc(64 * 1024);
  let taken = 0;
  let most = 0;
  // Until nothing has been taken for half a second.
  for (let since = performance.now(); performance.now() - since < 500; ) {
    for (let n = 0; n < 200; n++) {
      let sent = 0;
      try {
        sent = client.native.streamSend(4 * n, chunk, false) ?? 0;
      } catch {
        // No room.
      }
      taken += sent;
      if (sent > 0) since = performance.now();
    }
    client.flush();
    most = Math.max(most, accepted.stats().buffered);

    await turn();
  }
  assert(taken > 4 * MiB, `${taken} bytes were taken`);
  assert(most <= tuning.bufferedPerConnection, `${most} bytes are buffered`);
  // What came back fills the window of the client; all else is here, or still with the client.
  assert(taken <= tuning.bufferedPerConnection, `${taken} bytes were taken`);
  const bystander = await server.dial();
  assert.equal((await roundTrip(bystander, Buffer.from('hi'))).toString(), 'hi');
});

test('a writer without room sends nothing over and over, though every packet is acknowledged', async (t) => {
  const server = await listening(t, {
    onAccepted: (connection) => connection.serve((stream) => stream.resume().write(Buffer.alloc(16 * MiB))),
  });
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  for (let n = 0; n < 8; n++) client.native.streamSend(4 * n, byte, false);
  client.flush();
  // The windows of the client are full when nothing more has come for a while.
  let count = 0;
  let since = performance.now();
  await until(() => {
    if (client.received.length !== count) since = performance.now();
    count = client.received.length;
    return count > 100 && performance.now() - since > 200;
  });
  const stalled = performance.now();
  await until(() => performance.now() - stalled > 500);
  assert(client.received.length - count < 10, `${client.received.length - count} datagrams in 500 ms`);
});

test('END-38 writers that trickle a byte now and then cost what they sent, and delay nobody', async (t) => {
  const server = await listening(t, { onAccepted: (connection) => connection.serve(() => {}) });
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  const streams = 256;
  const rounds = 8;
  const stats = () => server.accepted[0]?.stats();
  for (let round = 1; round <= rounds; round++) {
    for (let n = 0; n < streams; n++) {
      client.native.streamSend(4 * n, byte, false);
      if (n % 32 === 0) await turn();
      client.flush();
    }
    await until(() => stats()?.buffered === streams * round);
  }
  assert.equal(stats()?.streams, streams);
});

test('END-38 10 000 half-open streams cost little memory, and none once their connections are over', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const clients = 40;
  const streams = 250;
  const before = process.memoryUsage().rss;
  const all = await Promise.all(Array.from({ length: clients }, () => rawClient(t, server.address)));
  for (const client of all) {
    await client.until(() => client.native.isEstablished());
    for (let n = 0; n < streams; n++) {
      client.native.streamSend(4 * n, byte, false);
      if (n % 16 === 0) await turn();
      client.flush();
    }
  }
  const open = () => server.accepted.reduce((sum, each) => sum + each.stats().streams, 0);
  await until(() => open() === clients * streams);
  const grown = process.memoryUsage().rss - before;
  assert(grown < 250 * MiB, `${Math.round(grown / MiB)} MiB`);
  const bystander = await server.dial();
  assert.equal((await roundTrip(bystander, Buffer.from('hi'))).toString(), 'hi');
  for (const client of all) {
    client.native.close(true, 0, Buffer.alloc(0));
    client.flush();
  }
  await until(() => open() === 0);
  await until(() => server.listener.size.connections === 1);
});
