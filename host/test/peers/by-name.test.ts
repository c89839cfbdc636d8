import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { defineOperation, serveOperations, Type } from '@alknet/sdk';
import { boss, imported, labNode, pinned, tool, until } from './support.ts';

const offered = (name: string, says: unknown) =>
  defineOperation({
    name,
    type: 'query',
    access: 'public',
    input: Type.Any(),
    output: Type.Any(),
    handler: () => says,
  });

/** `hub` with a boss of that reach, and a person "ann" who offers `ann/hello` and a `tool/echo` of her own. */
async function withAnn(t: TestContext, reach?: string[]) {
  const [hub, ann, worker] = await Promise.all(['hub', 'ann', 'worker'].map((name) => labNode(t, name)));
  assert.ok(hub && ann && worker);
  for (const peer of [ann, worker]) await hub.admit(peer);
  await hub.start({ plugins: { boss, tool }, ...(reach === undefined ? {} : { reach }) });
  const serve = serveOperations([
    offered('offer/hello', 'hello of ann'),
    offered('tool/echo', 'echo of ann'),
  ]);
  const session = await hub.session(ann.key, { serve });
  const peer = (name: string, op: string, input: unknown = {}) =>
    hub.call('boss/peer', { peer: name, op, input }) as Promise<{
      ok?: unknown;
      code?: string;
      message?: string;
    }>;
  return { hub, ann, worker, session, serve, peer };
}

test('REG-59 a call that came in on one connection composes an operation of another connected peer', async (t) => {
  const { hub, worker, peer } = await withAnn(t);
  await until('ann is there', async () => (await peer('ann', 'offer/hello')).ok === 'hello of ann');
  const other = await hub.session(worker.key);
  assert.deepEqual(await other.call('boss/peer', { peer: 'ann', op: 'offer/hello' }), { ok: 'hello of ann' });
  assert.deepEqual(await other.call('boss/peers', {}), ['ann', 'worker']);
});

test('REG-60 env.peer never falls through to another peer or the base, and unknown and disconnected are NOT_FOUND', async (t) => {
  const { hub, worker, session, peer } = await withAnn(t);
  await until('ann is there', async () => (await peer('ann', 'offer/hello')).ok === 'hello of ann');
  const other = await hub.session(worker.key, { serve: serveOperations([offered('offer/other', 1)]) });
  await until('worker is there', async () => (await peer('worker', 'offer/other')).ok === 1);
  // Offered by the other peer, and by this node, but not by the one that is named.
  assert.equal((await peer('worker', 'offer/hello')).code, 'NOT_FOUND');
  assert.equal((await peer('worker', 'boss/peers')).code, 'NOT_FOUND');
  const never = await peer('nobody', 'offer/hello');
  assert.deepEqual([never.code, never.message], ['NOT_FOUND', 'peer not connected: nobody']);
  session.close();
  await until(
    'ann is gone',
    async () => (await peer('ann', 'offer/hello')).message === 'peer not connected: ann',
  );
  other.close();
});

test('REG-61 a pattern with @ is reachable when its peer is named, and only then; one without never reaches a peer', async (t) => {
  const { hub, peer } = await withAnn(t, ['@ann:offer/*', 'tool/*']);
  await until('ann is there', async () => (await peer('ann', 'offer/hello')).ok === 'hello of ann');
  const ask = (op: string) => hub.call('boss/ask', { op }) as Promise<{ code?: string }>;
  assert.equal((await ask('offer/hello')).code, 'NOT_FOUND');
  // tool/* is local reach: ann's own tool/echo is not in it.
  assert.equal((await peer('ann', 'tool/echo')).code, 'NOT_FOUND');
  assert.equal((await peer('worker', 'offer/hello')).code, 'NOT_FOUND');
});

test('REG-62 an operation offered by a connected peer never shadows a local name', async (t) => {
  const { hub, peer } = await withAnn(t);
  await until('ann is there', async () => (await peer('ann', 'tool/echo')).ok === 'echo of ann');
  const authority = (await hub.call('boss/ask', { op: 'tool/echo', input: 'local' })) as { ok?: unknown };
  assert.deepEqual(authority, { ok: 'local' });
});

test('REG-50 services/list-peers shows each peer’s allowed operations with their types to those who may, and local alone to others', async (t) => {
  const [hub, worker, ann, bob] = await Promise.all(
    ['hub', 'worker', 'ann', 'bob'].map((name) => labNode(t, name)),
  );
  assert.ok(hub && worker && ann && bob);
  await worker.admit(hub, ['tool:admin']);
  await hub.admit(worker);
  await hub.admit(ann, ['peers:list']);
  await hub.admit(bob);
  await worker.start({ plugins: { tool } });
  await hub.start({ plugins: { boss }, peers: { w: pinned(worker) } });
  await imported(hub, 'w');
  interface Listed {
    peers: { peer_id: string; operations: { name: string; op_type: string }[] }[];
  }
  const list = async (who: typeof ann) =>
    ((await (await hub.session(who.key)).call('services/list-peers', {})) as Listed).peers;
  const seen = await list(ann);
  assert.deepEqual(
    seen.map(({ peer_id }) => peer_id),
    ['local', 'worker', 'ann'],
  );
  const types = Object.fromEntries(seen[1]?.operations.map(({ name, op_type }) => [name, op_type]) ?? []);
  assert.equal(types['tool/count'], 'subscription');
  assert.equal(types['tool/add'], 'mutation');
  assert.equal(types['tool/echo'], 'query');
  // The worker lets this node call it, but ann has not its scope.
  assert.ok(!('tool/admin' in types));
  assert.deepEqual(
    (await list(bob)).map(({ peer_id }) => peer_id),
    ['local', 'bob'],
  );
});

test('REG-64 nothing imported is callable from the wire without export; exported, it obeys the rule of its export', async (t) => {
  const [hub, worker, ann] = await Promise.all(['hub', 'worker', 'ann'].map((name) => labNode(t, name)));
  assert.ok(hub && worker && ann);
  await worker.admit(hub);
  await hub.admit(worker);
  await hub.admit(ann, ['use:echo']);
  await worker.start({ plugins: { tool } });
  const peers = { w: pinned(worker) };
  await hub.start({ plugins: { boss }, peers });
  await imported(hub, 'w');
  await assert.rejects(hub.call('w/tool/echo', 1), { code: 'NOT_FOUND' });
  const rule = { scopes: ['use:echo'] };
  await hub.configure({
    plugins: { boss },
    peers,
    export: [
      { operations: 'w/tool/echo', access: rule, description: 'Echo from afar.' },
      { operations: 'w/tool/who', as: 'far/who', access: 'authenticated' },
    ],
  });
  await until('the exports', async () => {
    const error = await hub.call('far/who').catch((reason: { code: string }) => reason);
    return (error as { code?: string }).code === 'FORBIDDEN';
  });
  await assert.rejects(hub.call('w/tool/echo', 1), { code: 'FORBIDDEN', message: 'authentication required' });
  const session = await hub.session(ann.key);
  assert.equal(await session.call('w/tool/echo', 1), 1);
  assert.deepEqual(await session.call('far/who', {}), { id: 'hub', for: 'ann' });
  const schema = (await session.call('services/schema', { name: 'w/tool/echo' })) as Record<string, unknown>;
  assert.equal(schema['description'], 'Echo from afar.');
  assert.ok(!JSON.stringify(await session.call('services/list', {})).includes('tool/slow'));
});
