import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Stream } from '@alknet/sdk';
import { echo, listening, rawClient, readAll, roundTrip, streamOf, until } from './support.ts';

test('END-41 an idle dialled connection stays by keep-alive, an accepted one without it ends', async (t) => {
  const idleTimeout = 400;
  const server = await listening(t, { onAccepted: echo, tuning: { idleTimeout } });
  const dialled = await server.dial();
  await server.next();
  // A client that sends nothing of its own accord.
  const silent = await rawClient(t, server.address);
  await silent.until(() => silent.native.isEstablished());
  const idle = await server.next();
  const since = performance.now();
  const end = await idle.closed;
  assert.equal(end.by, 'transport');
  assert(performance.now() - since >= idleTimeout * 0.9);
  await until(() => performance.now() - since > 3 * idleTimeout);
  assert.equal((await roundTrip(dialled, Buffer.from('alive'))).toString(), 'alive');
});

test('on loopback datagrams have at most 1200 bytes before the handshake ends, then more', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  assert(Math.max(...client.received.map(({ length }) => length)) <= 1200);
  client.native.streamSend(0, randomBytes(10_000), true);
  client.flush();
  const back = Buffer.alloc(10_000);
  let got = 0;
  await client.until(() => {
    try {
      for (;;) {
        const read = client.native.streamRecv(0, back);
        if (read === null) return false;
        got += read[0];
        if (read[1]) return true;
      }
    } catch {
      return false;
    }
  });
  assert.equal(got, 10_000);
  const longest = Math.max(...client.received.map(({ length }) => length));
  assert(longest > 1350 && longest <= 8192);
});

test('a close right after the handshake leaves nothing spinning', async (t) => {
  const server = await listening(t);
  const dialled = await server.dial();
  dialled.close(5, 'at once');
  const end = await (await server.next()).closed;
  assert.deepEqual(end, { code: 5, reason: 'at once', by: 'peer' });
  const before = process.cpuUsage();
  await setTimeout(300);
  const { user, system } = process.cpuUsage(before);
  assert(user + system < 150_000, `${user + system} µs of processor time in 300 ms`);
});

test('a stream ended, flushed and its connection closed at once loses no data', async (t) => {
  const server = await listening(t);
  const data = randomBytes(3 << 20);
  for (let round = 0; round < 2; round++) {
    const dialled = await server.dial();
    const accepted = await server.next();
    const received = streamOf(accepted).then(readAll);
    const stream = await dialled.openStream();
    assert(dialled.flushed);
    stream.end(data);
    await dialled.flushed();
    dialled.close(0, 'done');
    const got = await received;
    assert.equal(got.length, data.length);
    assert(got.equals(data));
    assert.deepEqual(await accepted.closed, { code: 0, reason: 'done', by: 'peer' });
  }
});

test('2000 echo streams with 64 in flight each end, and nothing is left of them', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const dialled = await server.dial();
  const accepted = await server.next();
  let left = 2000;
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (left-- > 0) {
        const data = randomBytes(1 + (left % 3000));
        assert((await roundTrip(dialled, data)).equals(data));
      }
    }),
  );
  await until(() => dialled.stats().streams === 0 && accepted.stats().streams === 0);
});

test('bytes pass intact both ways at once, in pieces of every size', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const stream = await (await server.dial()).openStream();
  const sent = createHash('sha256');
  const back = readAll(stream);
  let total = 0;
  for (let i = 0; i < 400; i++) {
    const piece = randomBytes(1 + ((i * 7919) % 20_000));
    sent.update(piece);
    total += piece.length;
    if (!stream.write(piece)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
  const got = await back;
  assert.equal(got.length, total);
  assert.equal(createHash('sha256').update(got).digest('hex'), sent.digest('hex'));
});

test('after 100 connections no slot and no table entry is left', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  for (let i = 0; i < 10; i++) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const dialled = await server.dial();
        await roundTrip(dialled, Buffer.from('x'));
        dialled.close(0, '');
      }),
    );
  }
  await until(() => server.slots() === 0 && server.listener.size.connections === 0);
  assert.deepEqual(server.listener.size, { connections: 0, pending: 0 });
});

test('an end that comes by itself to a reader who is a mebibyte behind is told when he gets there', async (t) => {
  const remotes: Stream[] = [];
  const server = await listening(t, {
    onAccepted: (connection) =>
      connection.serve((stream) => {
        if (remotes.push(stream) > 1) stream.pipe(stream);
      }),
  });
  const dialled = await server.dial();
  const stream = await dialled.openStream();
  stream.end('request');
  await until(() => remotes.length === 1);
  const [remote] = remotes;
  assert(remote);
  assert.equal((await readAll(remote)).toString(), 'request');
  const sent = randomBytes(1024 * 1024);
  remote.write(sent);
  // As much as is taken from quiche before a reader asks.
  await until(() => dialled.stats().buffered === sent.length);
  remote.end();
  await once(remote, 'finish');
  // What comes behind the end has come.
  await roundTrip(dialled, Buffer.from('there'));
  await roundTrip(dialled, Buffer.from('there'));
  assert.deepEqual(await readAll(stream), sent);
});
