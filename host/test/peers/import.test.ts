import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { defineOperation, serveOperations, Type } from '@alknet/sdk';
import { boss, imported, labNode, linkOf, pinned, tool, until } from './support.ts';

/** `hub` keeps a connection to `worker`, which knows it. */
async function pair(t: TestContext, peer: Record<string, unknown> = { import: true }, source = tool) {
  const [hub, worker] = await Promise.all([labNode(t, 'hub'), labNode(t, 'worker')]);
  await worker.admit(hub);
  await hub.admit(worker);
  await worker.start({ plugins: { tool: source } });
  await hub.start({ plugins: { boss }, peers: { w: pinned(worker, peer) } });
  return { hub, worker };
}

test('REG-51 import makes call leaves under the prefix, invoking one round-trips, and services/* is not imported', async (t) => {
  const { hub } = await pair(t);
  await imported(hub, 'w');
  const ask = (op: string, input: unknown = {}) => hub.call('boss/ask', { op, input });
  assert.deepEqual(await ask('w/tool/echo', { a: [1] }), { ok: { a: [1] } });
  assert.deepEqual(await ask('w/tool/add', { n: 2 }), { ok: { sum: 3 } });
  assert.equal(((await ask('w/services/list')) as { code: string }).code, 'NOT_FOUND');
  // The node's own check of the remote's schema, before anything is sent.
  assert.equal(((await ask('w/tool/add', { n: 'x' })) as { code: string }).code, 'INVALID_INPUT');
  const link = linkOf(hub, 'w');
  assert.deepEqual([link?.state, link?.id, link?.error], ['online', 'worker', undefined]);
});

test('REG-52 include, exclude and prefix choose what is imported under which name', async (t) => {
  const rules = { prefix: 'far/away/', include: ['tool/*'], exclude: ['tool/echo', 'tool/slow'] };
  const { hub } = await pair(t, { import: rules });
  await imported(hub, 'w');
  const can = (op: string) => hub.call('boss/can', { op });
  assert.equal(await can('far/away/tool/who'), true);
  assert.equal(await can('far/away/tool/echo'), false);
  assert.equal(await can('far/away/host/status'), false);
  assert.equal(await can('w/tool/who'), false);
});

test('REG-52 equal names of two peers coexist, and a name that is taken refuses the whole import', async (t) => {
  const [hub, one, two] = await Promise.all(['hub', 'one', 'two'].map((name) => labNode(t, name)));
  assert.ok(hub && one && two);
  for (const worker of [one, two]) {
    await worker.admit(hub);
    await hub.admit(worker);
    await worker.start({ plugins: { tool: tool.replaceAll("'tool/echo'", `'tool/${worker.name}'`) } });
  }
  await hub
    .start({
      plugins: { boss, 'two-extra': tool.replaceAll("'tool", "'two-extra") },
      peers: { one: pinned(one), two: pinned(two, { import: { prefix: 'two-extra/' } }) },
    })
    .then(
      () => assert.fail('a prefix of a plugin was taken'),
      (error: Error) => assert.match(error.message, /two-extra/),
    );
  await hub.start({ plugins: { boss }, peers: { one: pinned(one), two: pinned(two) } });
  await Promise.all([imported(hub, 'one'), imported(hub, 'two')]);
  assert.deepEqual(await hub.call('boss/ask', { op: 'one/tool/one', input: 1 }), { ok: 1 });
  assert.deepEqual(await hub.call('boss/ask', { op: 'two/tool/two', input: 2 }), { ok: 2 });
  assert.equal(await hub.call('boss/can', { op: 'one/tool/two' }), false);
});

test('REG-53 an unreachable remote and malformed answers are told in status with their code', async (t) => {
  const hub = await labNode(t, 'hub');
  const bad = await labNode(t, 'bad');
  await hub.admit(bad);
  // A worker that dials in, and answers discovery with what it is told to.
  let answer: unknown = {};
  const list = defineOperation({
    name: 'services/list',
    type: 'query',
    access: 'public',
    input: Type.Any(),
    output: Type.Any(),
    handler: () => answer,
  });
  await hub.start({
    plugins: { boss },
    peers: {
      b: { peer: 'bad', import: true },
      gone: {
        addresses: ['127.0.0.1:9'],
        transport: 'tls',
        fingerprints: [`ed25519:${'0'.repeat(64)}`],
        import: true,
      },
    },
  });
  const spec = { op_type: 'query', input_schema: {}, output_schema: {}, error_schemas: [] };
  const entry = (name: string, more: object = {}) => ({ name, spec: { ...spec, ...more } });
  const faults: [unknown, RegExp][] = [
    [{}, /^SchemaParse: services\/list: expected a list "operations"/],
    [{ operations: [{}] }, /^SchemaParse: .*name/],
    [{ operations: [entry('a/b', { op_type: 'stream' })] }, /^SchemaParse: operation a\/b: op_type/],
    [{ operations: [entry('a/b', { input_schema: { type: 7 } })] }, /^SchemaParse: .*a\/b/],
    [{ operations: [entry('a/b'), entry('a/b')] }, /^Collision: .*b\/a\/b/],
    [{ operations: [entry('a/../b')] }, /^Collision: .*name/],
    [{ operations: Array.from({ length: 5001 }, (_, n) => entry(`a/b${n}`)) }, /^DiscoveryFailed: .*5000/],
  ];
  for (const [wrong, message] of faults) {
    answer = wrong;
    const session = await hub.session(bad.key, { serve: serveOperations([list]) });
    await until(`${message}`, () => message.test(linkOf(hub, 'b')?.error ?? ''));
    session.close();
    await until('it is gone', () => linkOf(hub, 'b')?.state === 'connecting');
  }
  const silent = await hub.session(bad.key);
  await until('no discovery', () => /^DiscoveryFailed: services\/list/.test(linkOf(hub, 'b')?.error ?? ''));
  silent.close();
  assert.match(linkOf(hub, 'gone')?.state ?? '', /backoff|connecting/);
  assert.match(linkOf(hub, 'gone')?.error ?? '', /127\.0\.0\.1:9/);
});

test('REG-58 a change in the registry of the remote appears here without reconnecting', async (t) => {
  const { hub, worker } = await pair(t);
  await imported(hub, 'w');
  await hub.call('boss/peers');
  const before = hub.running.status().connections;
  await worker.configure({ plugins: { tool, extra: tool.replaceAll("'tool", "'extra") } });
  await until('the new operation', () => hub.call('boss/can', { op: 'w/extra/echo' }));
  assert.deepEqual(await hub.call('boss/ask', { op: 'w/extra/echo', input: 5 }), { ok: 5 });
  await worker.configure({ plugins: { tool } });
  await until('it goes', async () => (await hub.call('boss/can', { op: 'w/extra/echo' })) === false);
  assert.equal(await hub.call('boss/can', { op: 'w/tool/echo' }), true);
  assert.equal(hub.running.status().connections, before);
});

test('REG-66 a remote’s refusal, domain error and fault arrive as what they are', async (t) => {
  const { hub } = await pair(t);
  await imported(hub, 'w');
  const ask = (op: string, input: unknown = {}, more: object = {}) =>
    hub.call('boss/ask', { op, input, ...more }) as Promise<Record<string, unknown>>;
  assert.deepEqual(await ask('w/tool/add', { n: 11 }), {
    code: 'TOO_BIG',
    message: 'too big',
    details: { most: 10 },
  });
  const owned = await ask('w/tool/owned', { id: 'x' });
  assert.deepEqual([owned['code'], owned['message']], ['FORBIDDEN', 'w: not owner of resource: thing/x']);
  const late = await ask('w/tool/slow', {}, { timeoutMs: 60 });
  assert.equal(late['code'], 'TIMEOUT');
  for (const op of ['w/tool/throws', 'w/tool/odd']) {
    const fault = await ask(op);
    assert.deepEqual([fault['code'], fault['message']], ['INTERNAL', 'internal error']);
  }
  const told = hub.log().filter(({ event }) => event === 'remote failed');
  assert.equal(told.length, 2);
  assert.ok(told.every(({ ref }) => typeof ref === 'string' && ref !== '-'));
  assert.ok(!JSON.stringify(hub.log()).includes('hunter2'));
});
