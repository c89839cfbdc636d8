import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { CloseCode } from '@alknet/sdk';
import { addressPrefix, plainAddress } from '../../src/endpoint/address.ts';
import { Admission } from '../../src/endpoint/admission.ts';
import { BufferWatch } from '../../src/endpoint/buffers.ts';
import type { Slot } from '../../src/endpoint/engine.ts';
import type { HostConnection } from '../../src/endpoint/host-connection.ts';
import { defaultSettings } from '../../src/endpoint/owner.ts';
import { duplexes } from './duplexes.ts';
import { ask, both, client, echo, recordingLog, socketTest, testNode, until } from './support.ts';

const from = (address: string) => ({ address, port: 1 });

function entered(admission: Admission, address: string): Slot {
  const slot = admission.enter(from(address));
  if (typeof slot === 'string') throw new Error(`refused: ${slot}`);
  return slot;
}

test('END-14 the connection over the per-address limit is refused; after one ends the next is accepted', async (t) => {
  for (const transport of both) {
    const node = await testNode(t, {
      owners: [echo('one', 'alknet/one')],
      settings: { connectionsPerAddress: 2 },
    });
    const dialling = await client(t);
    const dial = () => node.dial({ from: dialling, alpn: 'alknet/one', transport, timeoutMs: 2000 });
    const [first] = [await dial(), await dial()];
    await assert.rejects(dial(), { code: 'Refused' });
    assert.equal(node.endpoint.status().refused['limits.connectionsPerAddress'], 1);
    first.close();
    await until(() => node.endpoint.status().connections === 1);
    assert.equal((await dial()).alpn, 'alknet/one');
  }
});

test('END-14 two addresses of one IPv6 /64 share the limit, two IPv4 addresses do not', () => {
  const admission = new Admission({ ...defaultSettings, connectionsPerAddress: 1 });
  const slot = entered(admission, '2001:db8:1:2::1');
  assert.equal(admission.enter(from('2001:db8:1:2:ffff::9')), 'limits.connectionsPerAddress');
  entered(admission, '2001:db8:1:3::1');
  entered(admission, '192.0.2.1');
  assert.equal(admission.enter(from('::ffff:192.0.2.1')), 'limits.connectionsPerAddress');
  entered(admission, '192.0.2.2');
  slot.release();
  slot.release();
  entered(admission, '2001:db8:1:2:ffff::9');
  assert.equal(
    admission.enter(from('2001:db8:1:2::1')),
    'limits.connectionsPerAddress',
    'a place comes back exactly once',
  );
});

test('END-14 addresses are written and counted in one form', () => {
  assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(addressPrefix('2001:db8::1'), addressPrefix('2001:0db8:0:0:ffff::'));
  assert.equal(addressPrefix('::1'), '0:0:0:0::/64');
  assert.equal(addressPrefix('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64');
});

test('each limit before the handshake is one atomic step with its admission', () => {
  const limits = {
    ...defaultSettings,
    connections: 3,
    handshakes: 2,
    handshakesPerAddress: 1,
    connectionsPerAddress: 0,
  };
  const admission = new Admission(limits);
  const [one, two] = [entered(admission, '192.0.2.1'), entered(admission, '192.0.2.2')];
  assert.equal(admission.enter(from('192.0.2.3')), 'limits.handshakes');
  one.established();
  assert.equal(admission.enter(from('192.0.2.2')), 'limits.handshakesPerAddress');
  entered(admission, '192.0.2.1');
  assert.equal(admission.enter(from('192.0.2.4')), 'limits.connections');
  two.release('timeout');
  assert.deepEqual(admission.live, { handshakes: 1, connections: 1 });
  assert.deepEqual(admission.failures, { timeout: 1 });
  limits.connections = 1;
  assert.equal(
    admission.enter(from('192.0.2.5')),
    'limits.connections',
    'a lowered limit refuses what is new',
  );
  assert.deepEqual(admission.live, { handshakes: 1, connections: 1 });
});

test('END-55 failed credentials are counted in windows of 60 s, and block for 60 s', () => {
  let now = 0;
  const admission = new Admission({ ...defaultSettings, authFailuresPerAddress: 2 }, () => now);
  const bad = from('192.0.2.1');
  for (let failures = 0; failures < 2; failures++) admission.authFailed(bad);
  assert.equal(admission.blocked(bad), false);
  now = 59_000;
  admission.authFailed(bad);
  assert.equal(admission.enter(bad), 'limits.authFailuresPerAddress');
  assert.equal(admission.blocked(from('192.0.2.2')), false);
  now = 118_999;
  assert.equal(admission.blocked(bad), true);
  now = 119_000;
  assert.equal(admission.blocked(bad), false);
  entered(admission, '192.0.2.1');
});

test('END-55 failed credentials beyond the limit block the address for 60 s, others not', async (t) => {
  let now = 0;
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')], now: () => now });
  const dialling = await client(t);
  const dial = (transport: 'quic' | 'tls') =>
    node.dial({ from: dialling, alpn: 'alknet/one', transport, timeoutMs: 2000 });
  const { endpoint } = node;
  const fail = (address: string, times: number) => {
    for (let failures = 0; failures < times; failures++) endpoint.authFailed(from(address));
  };
  const before = await dial('quic');
  fail('192.0.2.1', 1000);
  fail('127.0.0.1', 20);
  assert.equal(endpoint.isBlocked(from('192.0.2.1')), true);
  for (const transport of both) assert.equal(await ask(await dial(transport), 'x'), 'one:x');
  fail('127.0.0.1', 1);
  assert.equal(endpoint.isBlocked(from('127.0.0.1')), true);
  for (const transport of both) await assert.rejects(dial(transport), { name: 'DialError' });
  assert.equal(endpoint.status().refused['limits.authFailuresPerAddress'], 2);
  assert.equal(await ask(before, 'lives'), 'one:lives');
  now = 59_999;
  await assert.rejects(dial('quic'), { code: 'Refused' });
  now = 60_000;
  for (const transport of both) assert.equal(await ask(await dial(transport), 'y'), 'one:y');
});

test('END-38 when all together pass limits.buffered, the connection that holds most is closed', async (t) => {
  const MiB = 1 << 20;
  const owner = echo('one', 'alknet/one', {
    // Writes as many MiB as it is asked for, whether or not anybody reads.
    async connection(connection) {
      for await (const stream of connection)
        stream.once('data', ([size]: Buffer) => stream.write(Buffer.alloc((size ?? 0) * MiB)));
    },
  });
  const node = await testNode(t, { owners: [owner], settings: { buffered: 32 * MiB } });
  const dialling = await client(t);
  const holding = async (size: number) => {
    const connection = await node.dial({ from: dialling, alpn: 'alknet/one', transport: 'quic' });
    (await connection.openStream()).write(Buffer.from([size]));
    return connection;
  };
  const [small, large, middle] = [await holding(8), await holding(25), await holding(12)];
  // The looks at what is buffered keep no process alive, and an engine in memory does not either.
  await until(() => large.signal.aborted);
  assert.deepEqual(await large.closed, {
    code: CloseCode.LIMIT,
    reason: 'limit: limits.buffered',
    by: 'peer',
  });
  assert.equal(node.endpoint.status().refused['limits.buffered'], 1);
  // A dial is over before the node has the client's last word: the third may still be on its way in.
  await until(() => node.endpoint.status().connections === 2);
  for (const each of [small, middle]) assert.equal(each.signal.aborted, false);
  assert.equal(node.endpoint.status().refused['limits.buffered'], 1);
});

test('limits per identity and per plugin close with LIMIT after the handshake, and name the key', async (t) => {
  const owner = echo('one', 'alknet/one', { limits: { connections: 2 } });
  const node = await testNode(t, { owners: [owner], settings: { connectionsPerIdentity: 1 } });
  const [alice, anonymous] = [await client(t), await client(t)];
  node.identities.add('alice', alice.identities.fingerprint);
  const dial = (from: typeof alice) => node.dial({ from, alpn: 'alknet/one', transport: 'quic' });
  await dial(alice);
  const refused = (key: string) => ({ code: CloseCode.LIMIT, reason: `limit: ${key}`, by: 'peer' });
  assert.deepEqual(await (await dial(alice)).closed, refused('limits.connectionsPerIdentity'));
  await dial(anonymous);
  assert.deepEqual(await (await dial(anonymous)).closed, refused('plugins.one.limits.connections'));
  const [first] = owner.connections;
  const accepted = owner.connections[1];
  assert.ok(first && accepted);
  accepted.identify({ id: 'alice', scopes: [], resources: {} });
  assert.deepEqual(await accepted.closed, { ...refused('limits.connectionsPerIdentity'), by: 'host' });
  assert.equal(first.signal.aborted, false);
});

socketTest(
  'END-03 IDN-37 a hundred silent handshakes on TLS delay no good one on any transport',
  async (t) => {
    const node = await testNode(t, {
      owners: [echo('one', 'alknet/one')],
      settings: { handshakeTimeout: 3000, handshakesPerAddress: 200, connectionsPerAddress: 0 },
    });
    const silent = Array.from({ length: 100 }, () =>
      connectTcp(node.port('tls'), '127.0.0.1')
        .on('error', () => {})
        .resume(),
    );
    const gone = silent.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await until(() => node.endpoint.status().handshakes === 100);
    for (const transport of both) {
      assert.equal(await ask(await node.dial({ alpn: 'alknet/one', transport }), 'x'), 'one:x');
    }
    assert.equal(node.endpoint.status().handshakes, 100, 'a good one waited until the silent ones were gone');
    await Promise.all(gone);
    assert.equal(node.endpoint.status().handshakes, 0);
    assert.equal(node.endpoint.status().failedHandshakes['timeout'], 100);
  },
);

/** Both ends of a handshake take 3 to 5 ms: 10 000 of each transport last 80 s on a quiet machine. */
const handshakes = Number(process.env['ALKNET_TEST_CONNECTIONS'] ?? 1000);
const dispatched = 10_000;

test(`END-53 after ${handshakes} connections over QUIC and TLS each and ${dispatched} dispatched ones no slot, timer or table entry remains`, async (t) => {
  const door = echo('door', 'door/in', { grant: { dispatch: ['*'] } });
  const node = await testNode(t, {
    owners: [echo('one', 'alknet/one'), door],
    settings: { connectionsPerAddress: 0 },
  });
  const dialling = await client(t);
  const round = async (transport: 'quic' | 'tls') => {
    const connection = await node.dial({ from: dialling, alpn: 'alknet/one', transport });
    assert.equal(await ask(connection, 'x'), 'one:x');
    connection.close();
    await connection.closed;
  };
  const nothingLives = () =>
    node.endpoint.status().connections === 0 && dialling.endpoint.connections().length === 0;
  await round('quic');
  await round('tls');
  await until(nothingLives);
  const source = async (name: string, make: () => Promise<unknown>) => {
    const began = performance.now();
    await make();
    t.diagnostic(`${name}: ${Math.round(performance.now() - began)} ms`);
  };
  for (const transport of both) {
    const worker = async () => {
      for (let done = 0; done < handshakes / 10; done++) await round(transport);
    };
    await source(transport, () => Promise.all(Array.from({ length: 10 }, worker)));
  }
  await source('dispatch', async () => {
    for (let done = 0; done < dispatched; done++) {
      const [near, far] = duplexes();
      const closed = node.endpoint.dispatch(door, 'alknet/one', far, {});
      near.resume().end('x');
      await closed;
    }
  });
  await until(nothingLives);
  const status = node.endpoint.status();
  assert.deepEqual(
    { ...status, listeners: [], accepted: 0 },
    {
      ...{ draining: false, listeners: [], connections: 0, dispatched: 0, handshakes: 0, accepted: 0 },
      ...{ refused: {}, failedHandshakes: {} },
    },
  );
  assert.deepEqual(node.endpoint.connections(), []);
  // QUIC keeps a closed connection for three probe time-outs (RFC 9000 10.2), and nothing after that.
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const patience = performance.now() + 3000;
  await until(() => timers() <= 8 || performance.now() > patience);
  assert.ok(timers() <= 8, `${timers()} timers are left`);
});

test('refusals are logged at most once a second for each limit, with the number since', async () => {
  const { Refusals } = await import('../../src/endpoint/refusals.ts');
  const lines: Parameters<typeof recordingLog>[0] = [];
  let now = 0;
  const refusals = new Refusals(recordingLog(lines), () => now);
  for (let times = 0; times < 5; times++) refusals.count('limits.connections', {});
  refusals.count('draining', {});
  now = 1000;
  refusals.count('limits.connections', {});
  assert.deepEqual(
    lines.map(({ fields }) => [fields['reason'], fields['count']]),
    [
      ['limits.connections', 1],
      ['draining', 1],
      ['limits.connections', 5],
    ],
  );
  assert.deepEqual(refusals.totals, { 'limits.connections': 6, draining: 1 });
});

test('the connection that holds most is ended above limits.buffered, a stalled one after 30 s above its own limit', () => {
  const watch = new BufferWatch();
  const holding = (buffered: number) => ({ stats: () => ({ streams: 1, buffered }) }) as HostConnection;
  const limits = { buffered: 100, bufferedPerConnection: 80 };
  const [small, large] = [holding(40), holding(70)];
  assert.deepEqual(watch.look([small, large], limits, 0), [{ connection: large, key: 'limits.buffered' }]);
  const stalled = holding(90);
  assert.deepEqual(watch.look([stalled], limits, 0), []);
  assert.deepEqual(watch.look([stalled], limits, 29_999), []);
  assert.deepEqual(watch.look([stalled], limits, 30_000), [
    { connection: stalled, key: 'limits.bufferedPerConnection' },
  ]);
});
