import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AnyOperation, defineOperation, Type } from '@alknet/sdk';
import { fixture, identity } from './fixture.ts';

interface Page {
  readonly operations: { readonly name: string; readonly op_type: string; readonly description: string }[];
  readonly revision: string;
  readonly next_cursor?: string;
}

const operation = (name: string, change: Record<string, unknown> = {}): AnyOperation =>
  defineOperation({
    name,
    type: 'query',
    access: 'public',
    input: Type.Object({}),
    output: Type.Null(),
    description: 'Does it. And more.',
    handler: () => null,
    ...change,
  } as never) as AnyOperation;

function discoverable(t: TestContext) {
  const made = fixture(t);
  made.registry.publishHost(made.owner('host'), []);
  return made;
}

test('REG-45 services/list shows what the caller may call, sorted, in the stated shape, itself included', async (t) => {
  const { plugin, as } = discoverable(t);
  plugin('acme', [
    operation('acme/two'),
    operation('acme/one'),
    operation('acme/hidden', { access: { scopes: ['x'] } }),
  ]);
  const { operations, revision } = (await as(null).call('services/list', {})) as Page;
  const names = operations.map(({ name }) => name);
  assert.deepEqual(names, [...names].sort());
  assert.ok(names.includes('services/list') && names.includes('acme/one') && !names.includes('acme/hidden'));
  assert.deepEqual(
    operations.find(({ name }) => name === 'acme/one'),
    { name: 'acme/one', namespace: 'acme', op_type: 'query', description: 'Does it.' },
  );
  assert.match(revision, /^[0-9a-f]+\.\d+$/);
});

test('REG-46 REG-75 services/schema takes both name forms, gives all members, and hints exactly as declared', async (t) => {
  const { plugin, as } = discoverable(t);
  plugin('acme', [
    operation('acme/plain'),
    operation('acme/hinted', {
      type: 'mutation',
      title: 'Hinted',
      destructive: true,
      idempotent: false,
      openWorld: true,
      errors: [{ code: 'GONE', httpStatus: 410 }],
    }),
  ]);
  const plain = (await as(null).call('services/schema', { name: '/acme/plain' })) as Record<string, unknown>;
  assert.deepEqual(plain, await as(null).call('services/schema', { name: 'acme/plain' }));
  for (const member of [
    'name',
    'namespace',
    'op_type',
    'visibility',
    'input_schema',
    'output_schema',
    'error_schemas',
    'access_control',
  ]) {
    assert.ok(member in plain, member);
  }
  for (const hint of ['title', 'destructive', 'idempotent', 'open_world']) assert.ok(!(hint in plain), hint);
  const hinted = (await as(null).call('services/schema', { name: 'acme/hinted' })) as Record<string, unknown>;
  assert.deepEqual(
    [hinted['title'], hinted['destructive'], hinted['idempotent'], hinted['open_world']],
    ['Hinted', true, false, true],
  );
  assert.deepEqual(hinted['error_schemas'], [
    { code: 'GONE', description: '', schema: {}, http_status: 410 },
  ]);
});

test('REG-39 an ordinary caller finds provenance and privilege nowhere', async (t) => {
  const { plugin, as } = discoverable(t);
  plugin('acme', [operation('acme/one')], { scopes: ['very-secret-scope'], reach: ['acme/*'] });
  const gateway = as(identity('alice'));
  const texts = await Promise.all([
    gateway.call('services/list', { schemas: true }),
    gateway.call('services/schema', { name: 'acme/one' }),
    gateway.call('services/list-peers', {}),
  ]);
  for (const text of texts.map((value) => JSON.stringify(value))) {
    assert.ok(!/provenance|privilege|integrity|very-secret-scope|reach/.test(text));
  }
});

test('REG-48 paging visits every operation that existed throughout exactly once while others come and go', async (t) => {
  const { plugin, owner, registry, as } = discoverable(t);
  plugin(
    'acme',
    Array.from({ length: 50 }, (_, i) => operation(`acme/op${String(i).padStart(2, '0')}`)),
  );
  let passing = owner('passing');
  const seen: string[] = [];
  let cursor: string | undefined;
  let round = 0;
  do {
    const page = (await as(null).call('services/list', {
      limit: 7,
      ...(cursor === undefined ? {} : { cursor }),
    })) as Page;
    seen.push(...page.operations.map(({ name }) => name));
    cursor = page.next_cursor;
    const next = owner('passing');
    registry.publish(next, [operation(`passing/op${round++}`)], passing);
    passing = next;
  } while (cursor !== undefined);
  const stable = seen.filter((name) => name.startsWith('acme/'));
  assert.equal(stable.length, 50);
  assert.equal(new Set(stable).size, 50);
});

test('REG-49 services/watch reports a plugin that comes, is reloaded and goes within 100 ms, and resumes by since', async (t) => {
  const { plugin, owner, registry, as } = discoverable(t);
  interface Change {
    revision: string;
    reset: boolean;
    added: { name: string }[];
    changed: { name: string }[];
    removed: string[];
  }
  const watch = as(null).subscribe('services/watch', { namespace: 'acme' })[Symbol.asyncIterator]();
  const next = async () => (await watch.next()).value as Change;
  const first = await next();
  assert.equal(first.reset, true);
  const begun = performance.now();
  const coming = next();
  const acme = plugin('acme', [
    operation('acme/one'),
    operation('acme/forbidden', { access: { scopes: ['x'] } }),
  ]);
  assert.deepEqual(
    (await coming).added.map(({ name }) => name),
    ['acme/one'],
  );
  assert.ok(performance.now() - begun < 100);
  const changing = next();
  const newer = owner('acme');
  registry.publish(newer, [operation('acme/one')], acme);
  assert.deepEqual(
    (await changing).changed.map(({ name }) => name),
    ['acme/one'],
  );
  const going = next();
  registry.withdraw(newer);
  const last = await going;
  assert.deepEqual(last.removed, ['acme/one']);
  await watch.return?.();
  const resumed = as(null).subscribe('services/watch', { since: last.revision })[Symbol.asyncIterator]();
  const value = (await resumed.next()).value as Change;
  assert.deepEqual([value.reset, value.added, value.changed, value.removed], [false, [], [], []]);
  await resumed.return?.();
});

test('REG-72 the registry of a host has no operation in a service vault, and none that unlocks, derives, encrypts or decrypts', async (t) => {
  const { registry, owner } = discoverable(t);
  const names = registry.base.all().map(({ operation: { name } }) => name);
  assert.ok(names.length > 0);
  assert.ok(!names.some((name) => /^vault\/|lock|derive|crypt|rotate/.test(name)));
  assert.throws(() => registry.publish(owner('vault'), [operation('vault/unlock')]), /belongs to nobody/);
});

test('REG-44 a remote schema with a catastrophic pattern does not slow the node', async () => {
  const { compileSchema } = await import('@alknet/sdk');
  const check = compileSchema({ type: 'string', pattern: '^(a+)+$' } as never, 'imported');
  // A search that goes back and forth takes 2^60 steps.
  assert.equal(check(`${'a'.repeat(60)}!`), undefined);
});

test('REG-47 what is forbidden, internal and unknown gives one answer in services/schema, and is in no list', async (t) => {
  const { plugin, as } = discoverable(t);
  plugin('acme', [
    operation('acme/open'),
    operation('acme/forbidden', { access: { scopes: ['x'] } }),
    operation('acme/internal', { visibility: 'internal' }),
  ]);
  const gateway = as(identity('alice'));
  for (const name of ['acme/forbidden', 'acme/internal', 'acme/unknown']) {
    await assert.rejects(gateway.call('services/schema', { name }), {
      code: 'NOT_FOUND',
      message: `operation not found: ${name}`,
      details: undefined,
    });
  }
  const { operations } = (await gateway.call('services/list', { namespace: 'acme' })) as Page;
  assert.deepEqual(
    operations.map(({ name }) => name),
    ['acme/open'],
  );
  assert.deepEqual(gateway.list().filter(({ name }) => name.startsWith('acme/')).length, 1);
});
