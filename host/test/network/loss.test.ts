import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ConnectionError } from '@alknet/sdk';
import type { TransportConnection } from '../../src/endpoint/engine.ts';
import { QuicConnection } from '../../src/endpoint/quic/connection.ts';
import { echo, listening, readAll, roundTrip, until } from '../endpoint/quic/support.ts';
import { type Relay, relay } from './relay.ts';

const offLoopback = { loopbackUdpPayload: 1350 };

test('a path that drops what is above 1200 bytes and tells nobody is found out by both sides', async (t) => {
  const server = await listening(t, { onAccepted: echo, tuning: offLoopback });
  const path = await relay(t, server.address, { largest: 1200, delay: 2 });
  const dialled = await server.dial({ address: path.address });
  const data = randomBytes(128 * 1024);
  assert((await roundTrip(dialled, data)).equals(data));
  const count = path.lengths.length;
  assert((await roundTrip(dialled, data)).equals(data));
  assert(path.lengths.slice(count).every((length) => length <= 1200));
});

test('on a path that stays dead every stream fails when the idle time is over, and the connection with it', async (t) => {
  const idleTimeout = 600;
  const server = await listening(t, { onAccepted: echo, tuning: { ...offLoopback, idleTimeout } });
  const path = await relay(t, server.address);
  const dialled = await server.dial({ address: path.address });
  assert.equal((await roundTrip(dialled, Buffer.from('hi'))).toString(), 'hi');
  path.there.become({ loss: 1 });
  path.back.become({ loss: 1 });
  const since = performance.now();
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_each, i) => roundTrip(dialled, randomBytes(1 + i * 1000))),
  );
  for (const result of results) {
    assert(result.status === 'rejected' && result.reason instanceof ConnectionError, String(result.status));
    assert.equal(result.reason.code, 'CONNECTION_CLOSED');
  }
  assert(performance.now() - since >= idleTimeout * 0.9);
  assert.equal((await dialled.closed).by, 'transport');
  assert.equal((await server.accepted[0]?.closed)?.by, 'transport');
});

test('a path that is dead for less than the idle time ends nothing', async (t) => {
  const server = await listening(t, { onAccepted: echo, tuning: { ...offLoopback, idleTimeout: 10_000 } });
  const path = await relay(t, server.address, { delay: 5 });
  const dialled = await server.dial({ address: path.address });
  const data = randomBytes(256 * 1024);
  const transfer = roundTrip(dialled, data);
  await until(() => path.back.passed > 20);
  path.there.become({ loss: 1 });
  path.back.become({ loss: 1 });
  await setTimeout(1000);
  path.there.become({});
  path.back.become({});
  assert((await transfer).equals(data));
});

test('END-39 after its NAT took another port a client is ignored, and goes on when the old one is back', async (t) => {
  const server = await listening(t, { onAccepted: echo, tuning: { ...offLoopback, idleTimeout: 10_000 } });
  const path = await relay(t, server.address);
  const dialled = await server.dial({ address: path.address });
  assert.equal((await roundTrip(dialled, Buffer.from('before'))).toString(), 'before');
  await path.rebind();
  const during = roundTrip(dialled, Buffer.from('during'));
  await until(() => (server.listener.dropped['other address'] ?? 0) >= 3);
  path.restore();
  assert.equal((await during).toString(), 'during');
  assert.equal(server.accepted.length, 1);
});

test('an end that goes by itself arrives, though it is the first packet that its path loses', async (t) => {
  let path: Relay | undefined;
  const server = await listening(t, {
    tuning: offLoopback,
    onAccepted: (connection) =>
      connection.serve(async (stream) => {
        await readAll(stream);
        const passed = path?.back.passed ?? 0;
        stream.write('answer');
        await until(() => (path?.back.passed ?? 0) > passed);
        path?.back.become({ ...slow, loss: 1 });
        stream.end();
        await until(() => (path?.back.lost ?? 0) > 0);
        path?.back.become(slow);
      }),
  });
  const slow = { delay: 20 };
  path = await relay(t, server.address, slow);
  const dialled = await server.dial({ address: path.address });
  assert.equal((await roundTrip(dialled, Buffer.from('question'))).toString(), 'answer');
});

test('on a path that loses packets no round trip is measured that is many times the real one', async (t) => {
  const server = await listening(t, { onAccepted: echo, tuning: offLoopback });
  const path = await relay(t, server.address, { loss: 0.05, delay: 2 });
  const dialled = await server.dial({ address: path.address, timeoutMs: 20_000 });
  for (let n = 0; n < 150; n++) await roundTrip(dialled, Buffer.alloc(100));
  const sides = [dialled, ...server.accepted].filter((side) => side instanceof QuicConnection);
  assert.equal(sides.length, 2);
  for (const { native } of sides) {
    for (const { rtt, lost } of native.pathStats()) {
      assert.ok(lost > 0);
      assert.ok(rtt < 250, `${rtt} ms`);
    }
  }
});

test('on a path that loses, repeats and reorders every byte and every end arrives', {
  timeout: 60_000,
}, async (t) => {
  const server = await listening(t, { onAccepted: echo, tuning: offLoopback });
  const path = await relay(t, server.address, {
    loss: 0.05,
    duplicate: 0.05,
    reorder: 0.1,
    delay: 2,
    jitter: 5,
  });
  const dialled = await Promise.all(
    [0, 1].map(() => server.dial({ address: path.address, timeoutMs: 20_000 })),
  );
  const lane = async (connection: TransportConnection, sizes: readonly number[]) => {
    for (const size of sizes) {
      const data = randomBytes(size);
      assert.ok((await roundTrip(connection, data)).equals(data), `${size} bytes`);
    }
  };
  /** Ends some time after its data, while that may be lost, and reads what comes meanwhile. */
  const late = async (connection: TransportConnection, count: number) => {
    for (let n = 0; n < count; n++) {
      const stream = await connection.openStream();
      const answer = readAll(stream);
      stream.write(Buffer.alloc(3000, n));
      await setTimeout(n % 5);
      stream.end();
      assert.equal((await answer).length, 3000);
    }
  };
  await Promise.all(
    dialled.flatMap((connection) => [
      ...Array.from({ length: 6 }, (_, n) => lane(connection, Array(20).fill(100 + n * 700))),
      lane(connection, [128 * 1024]),
      late(connection, 12),
    ]),
  );
  await until(() => [...server.accepted, ...dialled].every((connection) => connection.stats().streams === 0));
});
