import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineOperation, serveOperations, Type } from '@alknet/sdk';
import { waitAfter } from '../../src/peers/backoff.ts';
import { boss, imported, type LabNode, labNode, linkOf, pinned, tool, until } from './support.ts';

const can = (node: LabNode, op: string) => node.call('boss/can', { op });

test('REG-56 both sides import from each other over one connection', async (t) => {
  const [left, right] = await Promise.all([labNode(t, 'left'), labNode(t, 'right')]);
  await left.admit(right);
  await right.admit(left);
  await right.start({ plugins: { boss, tool }, peers: { l: { peer: 'left', import: true } } });
  await left.start({ plugins: { boss, tool }, peers: { r: pinned(right) } });
  await Promise.all([imported(left, 'r'), imported(right, 'l')]);
  assert.equal(left.running.status().connections, 1);
  assert.equal(right.running.status().connections, 1);
  assert.deepEqual(await left.call('boss/ask', { op: 'r/tool/who' }), { ok: { id: 'left', for: null } });
  assert.deepEqual(await right.call('boss/ask', { op: 'l/tool/who' }), { ok: { id: 'right', for: null } });
});

test('REG-57 the waits are 1, 2, 4 … 60 s, each × 0.8 … 1.2', () => {
  const bases = [1, 2, 4, 8, 16, 32, 60, 60, 60];
  for (const [failures, seconds] of bases.entries()) {
    assert.equal(Math.round(waitAfter(failures + 1, 0)), seconds * 800);
    assert.equal(Math.round(waitAfter(failures + 1, 0.5)), seconds * 1000);
    assert.equal(Math.round(waitAfter(failures + 1, 1)), seconds * 1200);
  }
});

test('REG-57 a lost peer’s operations are gone at once, its calls fail, and both are back after reconnect', async (t) => {
  const [hub, worker] = await Promise.all([labNode(t, 'hub'), labNode(t, 'worker')]);
  await worker.admit(hub);
  await hub.admit(worker);
  await worker.start({ plugins: { tool } });
  await hub.start({ plugins: { boss }, peers: { w: pinned(worker) } });
  await imported(hub, 'w');
  const slow = hub.call('boss/ask', { op: 'w/tool/slow' }) as Promise<{ code: string; message: string }>;
  await until('it runs', async () => {
    const { ok } = (await hub.call('boss/ask', { op: 'w/tool/state' })) as { ok: { running: number } };
    return ok.running === 1;
  });
  await worker.stop();
  const { code, message } = await slow;
  assert.ok(['INTERNAL', 'ABORTED'].includes(code), message);
  await until('it is gone', async () => (await can(hub, 'w/tool/echo')) === false, 1000);
  assert.equal(linkOf(hub, 'w')?.state, 'backoff');
  // The same port again.
  await worker.start();
  await imported(hub, 'w');
  assert.deepEqual(await hub.call('boss/ask', { op: 'w/tool/echo', input: 1 }), { ok: 1 });
});

test('REG-63 two connections of one peer detach separately, and overlays of two peers are isolated', async (t) => {
  const [hub, one, two] = await Promise.all(['hub', 'one', 'two'].map((name) => labNode(t, name)));
  assert.ok(hub && one && two);
  await hub.admit(one);
  await hub.admit(two);
  await hub.start({ plugins: { boss } });
  const offer = (says: string) =>
    serveOperations([
      defineOperation({
        name: 'offer/name',
        type: 'query',
        access: 'public',
        input: Type.Any(),
        output: Type.Any(),
        handler: () => says,
      }),
    ]);
  const ask = (peer: string) => hub.call('boss/peer', { peer, op: 'offer/name' });
  const back = (session: Awaited<ReturnType<LabNode['session']>>) =>
    session.call('boss/back', { op: 'offer/name' });
  const older = await hub.session(one.key, { serve: offer('older') });
  await until('older', async () => JSON.stringify(await ask('one')) === '{"ok":"older"}');
  const newer = await hub.session(one.key, { serve: offer('newer') });
  const other = await hub.session(two.key, { serve: offer('other') });
  await until('newer', async () => JSON.stringify(await ask('one')) === '{"ok":"newer"}');
  await until('other', async () => JSON.stringify(await ask('two')) === '{"ok":"other"}');
  assert.deepEqual(await Promise.all([back(older), back(newer), back(other)]), [
    { ok: 'older' },
    { ok: 'newer' },
    { ok: 'other' },
  ]);
  newer.close();
  await until('older again', async () => JSON.stringify(await ask('one')) === '{"ok":"older"}');
  older.close();
  await until('nobody', async () => ((await ask('one')) as { code?: string }).code === 'NOT_FOUND');
  assert.deepEqual(await ask('two'), { ok: 'other' });
});

test('REG-65 a worker that dials in is listed, imported and exported by its peer id, and disappears when it dies', async (t) => {
  const [hub, worker, ann] = await Promise.all(['hub', 'worker', 'ann'].map((name) => labNode(t, name)));
  assert.ok(hub && worker && ann);
  await hub.admit(worker);
  await hub.admit(ann, ['peers:list']);
  await hub.start({
    plugins: { boss },
    peers: { w: { peer: 'worker', import: true } },
    export: [{ operations: 'w/tool/*', as: 'shared/', access: 'public' }],
  });
  assert.equal(linkOf(hub, 'w')?.state, 'connecting');
  await worker.admit(hub);
  await worker.start({ plugins: { tool }, peers: { hub: pinned(hub, { connect: true }) } });
  await imported(hub, 'w');
  assert.deepEqual(await hub.call('shared/echo', { hi: 1 }), { hi: 1 });
  const session = await hub.session(ann.key);
  const listed = async () =>
    ((await session.call('services/list-peers', {})) as { peers: { peer_id: string }[] }).peers.map(
      ({ peer_id }) => peer_id,
    );
  assert.deepEqual(await listed(), ['local', 'worker', 'ann']);
  await worker.stop();
  await until('it is gone', async () => !(await listed()).includes('worker'));
  await assert.rejects(hub.call('shared/echo', {}), { code: 'NOT_FOUND' });
});

test('an alias that leaves addresses and pins out has those of its peer in peers.json', async (t) => {
  const [hub, worker] = await Promise.all([labNode(t, 'hub'), labNode(t, 'worker')]);
  await worker.admit(hub);
  await worker.start({ plugins: { tool } });
  await hub.admit(worker, [], [worker.address]);
  await hub.start({ plugins: { boss }, peers: { w: { peer: 'worker', connect: true, import: true } } });
  await imported(hub, 'w');
  assert.deepEqual(await hub.call('boss/ask', { op: 'w/tool/echo', input: 1 }), { ok: 1 });
});

test('CFG-42 adding, changing and removing a peer or an export takes effect without restart and touches no other peer’s connection', async (t) => {
  const [hub, one, two] = await Promise.all(['hub', 'one', 'two'].map((name) => labNode(t, name)));
  assert.ok(hub && one && two);
  for (const worker of [one, two]) {
    await worker.admit(hub);
    await hub.admit(worker);
    await worker.start({ plugins: { tool } });
  }
  const connectionOf = () => one.running.status().connections;
  await hub.start({ plugins: { boss }, peers: { one: pinned(one) } });
  await imported(hub, 'one');
  const lost = () =>
    hub
      .log()
      .filter(({ event, alias, state }) => event === 'peer state' && alias === 'one' && state !== 'online')
      .length;
  const before = lost();
  await hub.configure({ plugins: { boss }, peers: { one: pinned(one), two: pinned(two) } });
  await imported(hub, 'two');
  const exported = [{ operations: 'one/tool/echo', as: 'say/echo', access: 'public' as const }];
  await hub.configure({ plugins: { boss }, peers: { one: pinned(one), two: pinned(two) }, export: exported });
  await until('the export', async () => (await hub.call('say/echo', 7)) === 7);
  const narrowed = pinned(two, { import: { include: ['tool/who'] } });
  await hub.configure({ plugins: { boss }, peers: { one: pinned(one), two: narrowed } });
  await until('two is narrowed', async () => (await can(hub, 'two/tool/echo')) === false);
  assert.equal(await can(hub, 'two/tool/who'), true);
  await assert.rejects(hub.call('say/echo', 7), { code: 'NOT_FOUND' });
  await hub.configure({ plugins: { boss }, peers: { one: pinned(one) } });
  await until('two is gone', async () => (await can(hub, 'two/tool/who')) === false);
  await until('its connection is closed', () => two.running.status().connections === 0);
  assert.equal(await can(hub, 'one/tool/echo'), true);
  assert.equal(lost(), before);
  assert.equal(connectionOf(), 1);
});
