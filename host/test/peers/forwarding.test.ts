import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { boss, imported, type LabNode, labNode, pinned, tool, until } from './support.ts';

/** `hub` imports `worker`; a person called ann may call hub. */
async function pair(t: TestContext, peer: Record<string, unknown> = { import: true }) {
  const [hub, worker, ann] = await Promise.all(['hub', 'worker', 'ann'].map((name) => labNode(t, name)));
  assert.ok(hub && worker && ann);
  await worker.admit(hub);
  await hub.admit(worker);
  await hub.admit(ann);
  await worker.start({ plugins: { tool } });
  await hub.start({ plugins: { boss }, peers: { w: pinned(worker, peer) } });
  await imported(hub, 'w');
  return { hub, worker, ann };
}

const stateOf = async (hub: LabNode) =>
  ((await hub.call('boss/ask', { op: 'w/tool/state' })) as { ok: Record<string, number> }).ok;

test('REG-54 a forwarded subscription delivers every value in order to its end, with back-pressure across both nodes', async (t) => {
  const { hub } = await pair(t);
  const session = await hub.session();
  const seen: unknown[] = [];
  for await (const value of session.subscribe('boss/follow', { op: 'w/tool/count', input: { to: 3000 } })) {
    seen.push(value);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 3000 }, (_, n) => n + 1),
  );

  const pad = 32 * 1024;
  const slow = session.subscribe('boss/follow', { op: 'w/tool/count', input: { to: 100_000, pad } });
  for (let n = 1; n <= 10; n++) assert.equal(((await slow.next()).value as { n: number }).n, n);
  let produced = 0;
  await until('production stands still', async () => {
    const before = produced;
    produced = (await stateOf(hub))['produced'] ?? 0;
    return produced === before;
  });
  // What two nodes and two connections hold, and no more.
  assert.ok(produced * pad < 12 * 1024 * 1024, `${produced} values were produced for 10 that were taken`);
  await slow.return?.();
});

test('REG-55 forwarded_for is the root caller, absent with forwardCaller false, and the remote authorises this node alone', async (t) => {
  const { hub, worker, ann } = await pair(t);
  const session = await hub.session(ann.key);
  const who = async () => ((await session.call('boss/ask', { op: 'w/tool/who' })) as { ok: unknown }).ok;
  assert.deepEqual(await who(), { id: 'hub', for: 'ann' });
  const anonymous = await hub.session();
  assert.deepEqual(await anonymous.call('boss/ask', { op: 'w/tool/who' }), { ok: { id: 'hub', for: null } });
  await hub.configure({
    plugins: { boss },
    peers: { w: pinned(worker, { import: true, forwardCaller: false }) },
  });
  assert.deepEqual(await who(), { id: 'hub', for: null });
});

test('REG-55 the token of a peer’s entry goes with forwarded calls, and is in no log', async (t) => {
  const { hub, worker, ann } = await pair(t);
  await worker.admit({ name: 'robot', id: ann.id });
  const token = await worker.token('robot');
  await hub.secret('for-worker', token);
  const peers = { w: pinned(worker, { import: true, token: { secret: 'for-worker' } }) };
  await hub.configure({ plugins: { boss }, peers, more: { log: { level: 'trace' } } });
  const who = () => hub.call('boss/ask', { op: 'w/tool/who' });
  assert.deepEqual(await who(), { ok: { id: 'robot', for: null } });
  const logged = JSON.stringify([hub.log(), worker.log()]);
  assert.ok(!logged.includes(token));
});

test('CALL-53 an abort crosses to a third node through a forwarded call, and its handler’s signal fires', async (t) => {
  const { hub } = await pair(t);
  const session = await hub.session();
  const abort = new AbortController();
  const call = session.call('boss/ask', { op: 'w/tool/slow' }, { signal: abort.signal });
  await until('it runs', async () => (await stateOf(hub))['running'] === 1);
  abort.abort();
  await assert.rejects(call, { code: 'ABORTED' });
  await until('its signal has fired', async () => (await stateOf(hub))['aborted'] === 1);
});

test('CALL-71 a request forwarded in a circle between two nodes ends with "forwarded too often"', async (t) => {
  const [left, right] = await Promise.all([labNode(t, 'left'), labNode(t, 'right')]);
  await left.admit(right);
  await right.admit(left);
  // Each exports under loop/go what it imports of the other as loop/go.
  const seed = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
export default definePlugin({ name: 'seed', version: '1.0.0', operations: [
  defineOperation({ name: 'seed/go', type: 'query', access: 'public', input: Type.Any(), output: Type.Any(), handler: () => 'seed' }),
] });`;
  const settings = (other: LabNode, plugins: Record<string, string>) => ({
    plugins: { boss, ...plugins },
    peers: { o: pinned(other) },
    export: [{ operations: ['o/seed/go', 'o/loop/go'], as: 'loop/go', access: 'public' }],
  });
  await right.start({ plugins: { boss, seed } });
  await left.start(settings(right, {}));
  await until('left offers it', () => left.call('loop/go'));
  // Now right imports left's loop/go, exports it as its own, and loses what it began with.
  await right.configure(settings(left, { seed }));
  await until('right offers it', () => right.call('loop/go'));
  await right.configure(settings(left, {}));
  await until('the circle is closed', async () => {
    const error = await left.call('loop/go').catch((reason: { code: string }) => reason);
    return (error as { code?: string }).code === 'INTERNAL';
  });
  const ends = [...left.log(), ...right.log()].filter(({ reason }) => reason === 'forwarded too often');
  assert.ok(ends.length > 0);
});
