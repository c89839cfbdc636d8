import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { integrityOf } from '../../src/plugins/integrity.ts';
import { eventually } from '../config/support.ts';
import type { LabNode } from '../peers/support.ts';
import { code, lab } from './support.ts';

const secret = 'hunter2-of-the-weather';

/** Tries what it is told to; what is thrown is given back as a value. */
const reacher = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { access: 'public', input: Type.Any(), output: Type.Any(), type: 'query' };
const caught = async (work) => {
  try { return { ok: (await work()) ?? null }; } catch ({ code, message }) { return { code, message }; }
};
let host;
export default definePlugin({
  name: 'reacher', version: '1.0.0',
  requests: { operations: ['tool/echo', 'tool/admin'], secrets: ['weather', 'other'], gateway: true, scopes: ['tool:admin'],
    dispatch: ['alknet/call'] },
  operations: [
    defineOperation({ ...any, name: 'reacher/invoke', handler: ({ op }, { env }) => caught(() => env.invoke(op, 7)) }),
    defineOperation({ ...any, name: 'reacher/twice', handler: async (_input, { env }) => {
      const first = await caught(() => env.invoke('tool/echo', 7));
      globalThis.reacherSteps.seen();
      await globalThis.reacherSteps.go;
      return [first, await caught(() => env.invoke('tool/echo', 7))];
    } }),
    defineOperation({ ...any, name: 'reacher/itself', handler: ({ op }) => caught(() => host.operations.invoke(op, 7)) }),
    defineOperation({ ...any, name: 'reacher/secret', handler: async ({ name }, { capabilities }) => {
      const [own, started] = [capabilities.get(name), host.capabilities.get(name)];
      return { has: own !== undefined, same: own === started, names: capabilities.names() };
    } }),
    defineOperation({ ...any, name: 'reacher/gateway', handler: () => caught(() => host.operations.gateway({})) }),
    defineOperation({ ...any, name: 'reacher/dial', handler: () => caught(() => host.dial('local', { alpn: 'alknet/call' })) }),
  ],
  start(given) { host = given; return {}; },
});
`;

const tool = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { input: Type.Any(), output: Type.Any(), type: 'query', handler: (input) => input };
export default definePlugin({ name: 'tool', version: '1.0.0', operations: [
  defineOperation({ ...any, name: 'tool/echo', access: 'public' }),
  defineOperation({ ...any, name: 'tool/secretly', access: 'public', visibility: 'internal' }),
  defineOperation({ ...any, name: 'tool/admin', access: { scopes: ['tool:admin'] } }),
] });
`;

async function reaching(t: TestContext, grant: object, isolation = 'inline') {
  const made = await lab(t, {});
  const { node, root } = made;
  await node.secret('weather', secret);
  await node.secret('other', 'other');
  await writeFile(join(node.folder, 'reacher.ts'), reacher);
  await writeFile(join(node.folder, 'tool.ts'), tool);
  const entry = (name: string, more: object = {}) => ({ use: `./${name}.ts`, isolation, ...more });
  const configure = async (next: object) => {
    await node.configure({
      more: { plugins: { call: true, tool: entry('tool'), reacher: entry('reacher', { grant: next }) } },
    });
    // Answers when all that was wanted of it so far is done.
    for (const name of ['tool', 'reacher']) await root.call('host/plugins/enable', { name });
  };
  await configure(grant);
  return { ...made, configure };
}

interface Row {
  readonly name: string;
  readonly provenance: { readonly integrity?: string } | null;
  readonly granted: Record<string, unknown>;
  readonly refused?: readonly { member: string; entry: string; count: number; add?: string }[];
}

interface Registered {
  readonly name: string;
  readonly provenance: {
    readonly kind: string;
    readonly loadedAt: string;
    readonly plugin: { readonly name: string; readonly version: string; readonly integrity?: string };
  };
  readonly privilege: {
    readonly authority: { readonly label: string; readonly scopes: string[] } | null;
    readonly reach: string[];
    readonly capabilities: string[];
  };
}

async function fileIntegrity(node: LabNode, file: string): Promise<string> {
  const bytes = await readFile(join(node.folder, file));
  const sha256 = createHash('sha256').update(bytes).digest();
  return integrityOf([{ path: file, size: bytes.length, sha256 }]);
}

test('REG-38 every registration has provenance and privilege; host/operations shows them, with the integrity of the code that runs, to operators alone, and never a capability value', async (t) => {
  const { node, reader, root, bob } = await reaching(t, { operations: ['tool/echo'], secrets: ['weather'] });
  const all = async () =>
    ((await reader.call('host/operations', { limit: 1000 })) as { operations: Registered[] }).operations;
  for (const { name, provenance, privilege } of await all()) {
    assert.match(provenance.plugin.version, /^\d+\.\d+\.\d+/, name);
    assert.ok(!Number.isNaN(Date.parse(provenance.loadedAt)), name);
    assert.ok(Array.isArray(privilege.reach) && Array.isArray(privilege.capabilities), name);
    // Of the host itself nothing is loaded; all else was, and its bytes are known.
    if (provenance.plugin.name !== 'host')
      assert.match(provenance.plugin.integrity ?? '', /^sha256-[A-Za-z0-9+/]{43}=$/, name);
  }
  const own = async () => (await all()).find(({ name }) => name === 'reacher/invoke') ?? assert.fail();
  const first = await own();
  assert.equal(first.provenance.plugin.integrity, await fileIntegrity(node, 'reacher.ts'));
  assert.deepEqual(first.privilege, {
    authority: { label: 'plugin:reacher', scopes: [], resources: {} },
    reach: ['tool/echo'],
    capabilities: ['weather'],
  });
  await writeFile(join(node.folder, 'reacher.ts'), `${reacher}// later\n`);
  const answer = (await root.call('host/plugins/reload', { name: 'reacher' })) as { integrity: string };
  const second = await own();
  assert.notEqual(second.provenance.plugin.integrity, first.provenance.plugin.integrity);
  assert.equal(second.provenance.plugin.integrity, await fileIntegrity(node, 'reacher.ts'));
  assert.equal(answer.integrity, second.provenance.plugin.integrity);

  const shown = JSON.stringify([await all(), await reader.call('host/plugins/list', {})]);
  assert.ok(!shown.includes(secret));
  const stranger = await node.session(bob.key);
  assert.equal(await code(stranger.call('host/operations', {})), 'FORBIDDEN');
  assert.equal(await code(stranger.call('host/plugins/list', {})), 'FORBIDDEN');
});

const rowOf = async (reader: { call(name: string, input: object): Promise<unknown> }) => {
  const { plugins } = (await reader.call('host/plugins/list', {})) as { plugins: Row[] };
  return plugins.find(({ name }) => name === 'reacher') ?? assert.fail();
};

test('REG-40 what a plugin requests and is not granted, it has not; what is granted and not requested, it has not either', async (t) => {
  const { node, reader, configure } = await reaching(t, {});
  const call = (name: string, input: object) => node.call(`reacher/${name}`, input);
  const notFound = (op: string) => ({ code: 'NOT_FOUND', message: `operation not found: ${op}` });
  assert.deepEqual(await call('invoke', { op: 'tool/echo' }), notFound('tool/echo'));
  assert.deepEqual(await call('secret', { name: 'weather' }), { has: false, same: true, names: [] });
  const nothing = (await rowOf(reader)).granted;
  assert.deepEqual(nothing, {
    scopes: [],
    resources: {},
    operations: [],
    secrets: [],
    dispatch: [],
    gateway: false,
    namespaces: [],
  });

  // All of what it requests, and more that it does not.
  await configure({
    operations: ['tool/*', 'host/*'],
    secrets: ['weather'],
    scopes: ['tool:admin', 'admin'],
    namespaces: ['docker'],
  });
  assert.deepEqual(await call('invoke', { op: 'tool/echo' }), { ok: 7 });
  assert.deepEqual(await call('itself', { op: 'tool/admin' }), { ok: 7 });
  assert.deepEqual(await call('invoke', { op: 'tool/secretly' }), notFound('tool/secretly'));
  assert.deepEqual(await call('invoke', { op: 'host/status' }), notFound('host/status'));
  assert.deepEqual(await call('secret', { name: 'weather' }), { has: true, same: true, names: ['weather'] });
  assert.deepEqual(await call('secret', { name: 'other' }), { has: false, same: true, names: ['weather'] });
  const { granted } = await rowOf(reader);
  assert.deepEqual(
    [granted['scopes'], granted['namespaces'], granted['operations']],
    [['tool:admin'], [], ['tool/echo', 'tool/admin']],
  );
});

test('REG-41 a third-party gateway plugin without grant.gateway cannot run an operation as its connected user', async (t) => {
  const { node, reader, configure } = await reaching(t, { operations: ['tool/echo'] });
  assert.deepEqual(await node.call('reacher/gateway', {}), {
    code: 'FORBIDDEN',
    message: 'plugin reacher has no grant "gateway": add it to plugins.reacher.grant',
  });
  const { refused } = await rowOf(reader);
  assert.deepEqual(refused, [
    { member: 'gateway', entry: 'true', count: 1, add: 'plugins.reacher.grant: { "gateway": true }' },
  ]);
  // With it: only for who is connected, whom the host alone can tell.
  await configure({ gateway: true });
  assert.deepEqual(await node.call('reacher/gateway', {}), {
    code: 'FORBIDDEN',
    message:
      'a gateway serves an AuthContext that the host made, or an identity that it gave out on a connection of it',
  });
});

test('CFG-34 a changed grant applies to a call in flight, and nothing is restarted', async (t) => {
  const { node, reader, configure } = await reaching(t, { operations: ['tool/echo'] });
  let release = () => {};
  const go = new Promise<void>((resolve) => {
    release = resolve;
  });
  const seen = new Promise<void>((resolve) => {
    Object.assign(globalThis, { reacherSteps: { seen: resolve, go } });
  });
  t.after(() => Reflect.deleteProperty(globalThis, 'reacherSteps'));
  const loadedAt = async () => {
    const { plugins } = (await reader.call('host/plugins/list', {})) as { plugins: { loadedAt?: string }[] };
    return plugins.map((plugin) => plugin.loadedAt);
  };
  const before = await loadedAt();
  const answer = node.call('reacher/twice', {});
  await seen;
  await configure({ operations: [] });
  release();
  assert.deepEqual(await answer, [
    { ok: 7 },
    { code: 'NOT_FOUND', message: 'operation not found: tool/echo' },
  ]);
  assert.deepEqual(await loadedAt(), before);
});

test('a plugin that trust kept from running is tried again when trust is changed', async (t) => {
  const { node, root } = await lab(t, {});
  await writeFile(join(node.folder, 'tool.ts'), tool);
  const configure = (mode: string) =>
    node.configure({
      more: { trust: { mode }, plugins: { call: true, tool: { use: './tool.ts', isolation: 'inline' } } },
    });
  const state = () => node.running.status().plugins.find(({ name }) => name === 'tool');
  await configure('locked');
  await assert.rejects(
    root.call('host/plugins/reload', { name: 'tool' }),
    /refused under trust\.mode "locked": expected a package with a manifest/,
  );
  assert.equal(state()?.state, 'failed');
  await configure('any');
  await eventually(() => state()?.state === 'running');
});

for (const isolation of ['inline', 'worker']) {
  test(`${isolation}: what a plugin reaches for without a grant is refused, told once in the log, and counted for the operator`, async (t) => {
    // A secret that it has is none that it asked for in vain.
    const grant = { operations: ['tool/admin'], secrets: ['other'] };
    const { node, reader } = await reaching(t, grant, isolation);
    for (let turn = 0; turn < 3; turn++) await node.call('reacher/invoke', { op: 'tool/echo' });
    await node.call('reacher/itself', { op: 'host/status' });
    await node.call('reacher/secret', { name: 'weather' });
    const forbidden = { code: 'FORBIDDEN', message: 'missing required scope: tool:admin' };
    assert.deepEqual(await node.call('reacher/invoke', { op: 'tool/admin' }), forbidden);
    assert.match(
      JSON.stringify(await node.call('reacher/dial', {})),
      /may dial its own ALPNs \(none\), got alknet\/call/,
    );
    const { refused = [] } = await rowOf(reader);
    assert.deepEqual(
      refused.map(({ member, entry, count, add }) => [member, entry, count, add]),
      [
        ['operations', 'tool/echo', 3, 'plugins.reacher.grant: { "operations": ["tool/echo"] }'],
        // It does not request that: no grant would help.
        ['operations', 'host/status', 1, undefined],
        ['secrets', 'weather', 2, 'plugins.reacher.grant: { "secrets": ["weather"] }'],
        ['scopes', 'tool:admin', 1, 'plugins.reacher.grant: { "scopes": ["tool:admin"] }'],
        ['alpns', 'alknet/call', 1, undefined],
      ],
    );
    const lines = node.log().filter(({ event }) => event === 'plugin reached for what it was not granted');
    assert.deepEqual(
      lines.map((line) => [line['level'], line['member'], line['entry']]),
      refused.map(({ member, entry }) => ['warn', member, entry]),
    );
  });
}
