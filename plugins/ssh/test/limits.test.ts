import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Admission, bucketOf } from '../src/admission.ts';
import { connected, lab, libraryLogin, until } from './support.ts';

const here = '127.0.0.1';

/** A connection that says nothing; `refused` when it is closed before the identification line. */
async function silent(t: TestContext, port: number): Promise<Socket | 'refused'> {
  const socket = connect(port, here);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  return await new Promise((resolve) => {
    socket.once('data', () => resolve(socket));
    socket.once('close', () => resolve('refused'));
  });
}

test('FWD-28 the connection over the per-address limit is refused; two addresses of one IPv6 /64 share the limit', async (t) => {
  const { port, lines } = await lab(t, { maxConnectionsPerAddress: 3 });
  for (let i = 0; i < 3; i++) assert.notEqual(await silent(t, port), 'refused');
  assert.equal(await silent(t, port), 'refused');
  assert.deepEqual(lines('ssh reject'), [`ssh reject addr=${here} reason=limit`]);

  const limits = { maxConnectionsPerAddress: 2, maxUnauthenticated: 8, maxConnectionsPerIdentity: 1 };
  const admission = new Admission(() => limits);
  const first = admission.enter('2001:db8:1:2::1', null);
  assert.ok(first);
  assert.ok(admission.enter('2001:db8:1:2:ffff::2', null));
  assert.equal(admission.enter('2001:0db8:0001:0002::3', null), undefined);
  assert.ok(admission.enter('2001:db8:1:3::1', null));
  // Without an address: by certificate, or all in one.
  assert.ok(admission.enter(undefined, 'ed25519:aa'));
  assert.ok(admission.enter(undefined, 'ed25519:bb'));
  first.free();
  assert.ok(admission.enter('2001:db8:1:2::4', null));
});

test('an IPv6 address counts as its /64, however it is written', () => {
  for (const address of ['2001:db8::1', '2001:db8:0:0:1:2:3:4', '2001:DB8::ffff:1.2.3.4', '2001:db8::%eth0'])
    assert.equal(bucketOf(address), '2001:db8:0:0::/64', address);
  assert.equal(bucketOf('::1'), '0:0:0:0::/64');
  assert.equal(bucketOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(bucketOf('1:2:3:4:5:6:7:8'), '1:2:3:4::/64');
  assert.equal(bucketOf('1::4:5:6:7:8'), '1:0:0:4::/64');
  assert.equal(bucketOf('10.0.0.1'), '10.0.0.1');
});

test('FWD-29 after one closes, the next is accepted, and a place is given back once', async (t) => {
  const { port, lines } = await lab(t, { maxConnectionsPerAddress: 1 });
  for (let i = 0; i < 5; i++) {
    const socket = await silent(t, port);
    assert.ok(socket !== 'refused', `round ${i}`);
    assert.equal(await silent(t, port), 'refused');
    socket.destroy();
    await until('the end', () => lines('ssh close').length === i + 1);
  }
  const admission = new Admission(() => ({
    maxConnectionsPerAddress: 1,
    maxUnauthenticated: 1,
    maxConnectionsPerIdentity: 1,
  }));
  const place = admission.enter(here, null);
  assert.equal(place?.loggedIn('a'), true);
  place?.free();
  place?.free();
  assert.ok(admission.enter(here, null));
  assert.equal(admission.enter(here, null), undefined);
});

test('those not yet logged in are fewer, and 64 in all', async (t) => {
  const { port, key, peers } = await lab(t, { maxUnauthenticated: 2 });
  const alice = key('alice');
  peers.set('alice', [], { fingerprints: [alice.normal] });
  await connected(t, port, alice);
  await connected(t, port, alice);
  await connected(t, port, alice);
  assert.notEqual(await silent(t, port), 'refused');
  assert.notEqual(await silent(t, port), 'refused');
  assert.equal(await silent(t, port), 'refused');

  const wide = { maxConnectionsPerAddress: 100, maxUnauthenticated: 100, maxConnectionsPerIdentity: 1 };
  const admission = new Admission(() => wide);
  for (let i = 0; i < 64; i++) assert.ok(admission.enter(`10.0.0.${i}`, null));
  assert.equal(admission.enter('10.0.1.1', null), undefined);
});

test('an identity has as many connections as it may', async (t) => {
  const { port, key, peers, lines } = await lab(t, { maxConnectionsPerIdentity: 2 });
  const alice = key('alice');
  peers.set('alice', [], { fingerprints: [alice.normal] });
  const first = await connected(t, port, alice);
  await connected(t, port, alice);
  assert.match((await libraryLogin(port, alice, 'a')) ?? '', /./);
  assert.deepEqual(lines('ssh reject'), [`ssh reject addr=${here} reason=limit`]);
  first.end();
  await until('the end', () => lines('ssh close').some((line) => line.endsWith('reason=client')));
  assert.equal(await libraryLogin(port, alice, 'a'), undefined);
});
