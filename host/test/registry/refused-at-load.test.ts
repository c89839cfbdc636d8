import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyOperation, defineOperation, serveOperations, Type } from '@alknet/sdk';
import { type Fixture, fixture, query, subscription } from './fixture.ts';

/** Every way in which an operation can come into use. */
async function everyWay(f: Fixture, operation: AnyOperation, plugin = 'acme'): Promise<string[]> {
  const faults: string[] = [];
  const note = async (way: () => unknown) => {
    try {
      await way();
      faults.push('accepted');
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  };
  await note(() => defineOperation(operation as never));
  await note(() => f.registry.publish(f.owner(plugin), [operation]));
  const maker = query('maker/make', (_input, { env }) => void env.with([operation]));
  f.registry.publish(f.owner('maker'), [maker]);
  const compose = f.registry.callerFor(
    {
      ...f.owner('maker'),
      privilege: { authority: null, reach: [{ peer: undefined, name: '', prefix: true }], capabilities: [] },
    },
    new AbortController().signal,
  );
  await note(async () => {
    try {
      await compose.invoke('maker/make');
    } catch {
      const line = f.lines.find(({ event }) => event === 'handler error');
      throw line?.fields['error'];
    }
  });
  await note(() => serveOperations([operation]));
  return faults;
}

test('REG-09 an operation without access does not load', async (t) => {
  const { access: _none, ...without } = query('acme/x', () => null);
  for (const fault of await everyWay(fixture(t), without as AnyOperation)) {
    assert.match(fault, /operation acme\/x: access: missing/);
  }
});

test('REG-33 a generator for a query, and a plain function for a subscription, fail at load by every way', async (t) => {
  const generator = query('acme/x', async function* () {});
  for (const fault of await everyWay(fixture(t), generator)) {
    assert.match(fault, /operation acme\/x: handler: a query answers once; found a generator/);
  }
  const plain = subscription('acme/x', (async () => {}) as never);
  for (const fault of await everyWay(fixture(t), plain)) {
    assert.match(fault, /operation acme\/x: handler: a subscription is an async generator/);
  }
});

test('REG-34 names outside the grammar are refused', (t) => {
  const f = fixture(t);
  const long = `acme/${'x'.repeat(251)}`;
  const wrong = [
    'acme',
    '',
    '/acme/x',
    'acme/',
    'acme//x',
    'Acme/x',
    'acme/X',
    'acme/1',
    'acme/x y',
    'acme/x.y',
    'acme/ä',
    'acme/a/b/c/d/e/f',
    long,
    'acme/x\n',
    'acme/..',
    'acme/__proto__',
  ];
  for (const name of wrong) {
    assert.throws(() => f.plugin('acme', [query(name, () => null)]), /name: expected 2 to 6 segments/, name);
  }
  f.plugin('acme', [query('acme/a/b/c/d/e', () => null), query(long.slice(0, 255), () => null)]);
});

test('REG-34 reserved services and operations outside the own name are refused', (t) => {
  const f = fixture(t);
  for (const service of ['vault', 'local', 'peer', 'session']) {
    assert.throws(() => f.plugin(service, [query(`${service}/x`, () => null)]), /belongs to nobody/);
  }
  for (const service of ['host', 'services']) {
    assert.throws(() => f.plugin('acme', [query(`${service}/x`, () => null)]), /belongs to the host/);
  }
  for (const name of ['other/x', 'acmes/x', 'acm/x', 'x/acme']) {
    assert.throws(() => f.plugin('acme', [query(name, () => null)]), /is not that of plugin acme/);
  }
  assert.equal(f.registry.base.size, 0);
  f.plugin('acme', [query('acme/x', () => null), query('acme-more/x', () => null)]);
  assert.equal(f.registry.base.size, 2);
});

test('REG-32 registering a name twice fails, names both owners, and registers nothing of the second set', async (t) => {
  const f = fixture(t);
  f.plugin('acme', [query('acme-more/x', () => 'first')]);
  const { revision } = f.registry.base;
  assert.throws(
    () => f.plugin('acme-more', [query('acme-more/a', () => null), query('acme-more/x', () => 'second')]),
    ({ message }: Error) => {
      assert.match(message, /acme-more\/x/);
      assert.match(message, /of acme-more is registered already by acme$/);
      return true;
    },
  );
  assert.equal(f.registry.base.revision, revision);
  assert.deepEqual(
    f.registry.base.all().map(({ operation }) => operation.name),
    ['acme-more/x'],
  );
  assert.equal(await f.as(null).call('acme-more/x'), 'first');
  assert.equal(f.lines.filter(({ event }) => event === 'registration refused').length, 1);
  assert.throws(
    () => f.plugin('twice', [query('twice/x', () => null), query('twice/x', () => null)]),
    /defined twice/,
  );
});

test('an unknown member, a code or hint out of its rule, and a schema that cannot be used are refused with their name', (t) => {
  const f = fixture(t);
  const cases: [Partial<AnyOperation> & Record<string, unknown>, RegExp][] = [
    [{ acces: 'public' }, /unknown member acces/],
    [{ access: {} }, /at least one of scopes/],
    [{ access: { scope: ['a'] } as never }, /access.scope: unknown member/],
    [{ access: { resource: { path: '/id' } } }, /path needs access.resource.type/],
    [{ access: { resource: { type: 'a', path: '/id', list: true } } }, /exclude each other/],
    [{ errors: [{ code: 'lower' }] }, /errors: code lower/],
    [{ errors: [{ code: 'TIMEOUT' }] }, /belongs to the call protocol/],
    [{ errors: [{ code: 'GONE', httpStatus: 200 }] }, /400 to 599/],
    [{ destructive: true }, /a query only reads/],
    [{ title: 'x'.repeat(101) }, /at most 100/],
    [{ description: 'x'.repeat(2001) }, /at most 2000/],
    [{ timeoutMs: 0.5 }, /timeoutMs/],
    [{ input: { type: 'object', propertys: {} } as never }, /input: .*propertys/],
    [{ input: { type: 'string', format: 'no-such' } as never }, /input: .*no-such/],
    [{ output: { $ref: 'https://example.com/schema' } as never }, /output: .*example.com/],
    [{ errors: [{ code: 'GONE', schema: { type: 'nonsense' } as never }] }, /errors.GONE: /],
    [{ input: deep(65) as never }, /64 levels deep/],
    [{ input: { enum: ['x'.repeat(256 * 1024)] } as never }, /over 262144 bytes/],
  ];
  for (const [member, fault] of cases) {
    assert.throws(() => f.plugin('acme', [{ ...query('acme/x', () => null), ...member }]), fault);
  }
  assert.throws(
    () => f.plugin('acme', [subscription('acme/x', async function* () {}, { timeoutMs: 5 })]),
    /subscriptions have no deadline/,
  );
  assert.equal(f.registry.base.size, 0);
  assert.doesNotThrow(() => f.plugin('acme', [query('acme/x', () => null, { input: Type.Integer() })]));
});

function deep(levels: number): unknown {
  return levels === 0 ? {} : { not: deep(levels - 1) };
}
