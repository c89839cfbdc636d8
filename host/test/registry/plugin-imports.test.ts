import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AdapterRegistration,
  CallError,
  defineOperation,
  type OperationContext,
  Type,
} from '@alknet/sdk';
import { type Importer, PluginImports } from '../../src/node/plugin-imports.ts';
import { nothingGranted } from '../../src/plugins/grants.ts';
import { fixture } from './fixture.ts';

type Handler = (input: unknown, context: OperationContext) => unknown;

function leaf(name: string, handler: Handler, capabilities: string[] = []): AdapterRegistration {
  return {
    operation: {
      name,
      type: 'query',
      visibility: 'external',
      access: 'public',
      input: Type.Any(),
      output: Type.Any(),
      errors: [{ code: 'HTTP_404', httpStatus: 404, schema: Type.Object({ body: Type.String() }) }],
    },
    handler,
    source: 'https://api.example',
    capabilities,
  };
}

function setUp(t: TestContext, secrets: Record<string, string> = {}) {
  const made = fixture(t);
  const imports = new PluginImports({
    registry: made.registry,
    grace: () => 1000,
    isPlugin: (name) => name === 'later',
  });
  const instance = (namespaces: string[] = ['*']) => {
    const stop = new AbortController();
    const refused: string[] = [];
    const importer: Importer = {
      name: 'http',
      signal: stop.signal,
      granted: { ...nothingGranted, namespaces },
      refusals: { note: (member: string, entry: string) => refused.push(`${member} ${entry}`) } as never,
      limits: {} as never,
    };
    return { importer, refused, stop: () => stop.abort() };
  };
  const owner = made.owner('http', { secrets, scopes: ['everything'], reach: ['*'] });
  const publish = (of: Importer, prefix: string, registrations: AdapterRegistration[]) =>
    imports.publish(of, () => owner, prefix, 'openapi', registrations);
  return { ...made, imports, instance, publish };
}

test('an import is a leaf with provenance: no authority, no reach, and only the secret that it names', async (t) => {
  const { instance, publish, registry, as } = setUp(t, { 'pets.token': 'sesame', other: 'hidden' });
  const handler: Handler = (_input, { capabilities, env }) => ({
    names: [...capabilities.names()].sort(),
    value: capabilities.get('pets'),
    can: env.can('pets/list'),
  });
  publish(instance().importer, 'pets', [leaf('pets/list', handler, ['pets.token'])]);
  assert.deepEqual(await as(null).call('pets/list'), {
    names: ['pets', 'pets.token'],
    value: 'sesame',
    can: false,
  });
  const registration = registry.base.get('pets/list');
  assert.equal(registration?.provenance.kind, 'openapi');
  assert.equal(registration?.provenance.source, 'https://api.example');
  assert.equal(registration?.owner.privilege.authority, null);
});

test("a namespace that is not granted, is taken, or is the host's is refused and nothing is registered", (t) => {
  const { instance, publish, registry, plugin } = setUp(t);
  const operation = defineOperation({
    name: 'git/list',
    type: 'query',
    access: 'public',
    input: Type.Any(),
    output: Type.Any(),
    handler: () => null,
  });
  plugin('git', [operation]);
  const narrow = instance(['pets']);
  const size = registry.base.size;
  assert.throws(() => publish(narrow.importer, 'cats', [leaf('cats/a', () => 1)]), { code: 'AdapterConfig' });
  assert.deepEqual(narrow.refused, ['namespaces cats']);
  const wide = instance();
  assert.throws(() => publish(wide.importer, 'git', [leaf('git/other', () => 1)]), { code: 'Collision' });
  assert.throws(() => publish(wide.importer, 'later', [leaf('later/a', () => 1)]), { code: 'Collision' });
  assert.throws(() => publish(wide.importer, 'host', [leaf('host/other', () => 1)]));
  assert.throws(() => publish(wide.importer, 'vault', [leaf('vault/other', () => 1)]), /vault/);
  assert.throws(() => publish(wide.importer, 'cats', [leaf('dogs/a', () => 1)]), { code: 'AdapterConfig' });
  publish(wide.importer, 'cats', [leaf('cats/a', () => 1)]);
  assert.throws(() => publish(wide.importer, 'cats', [leaf('cats/b', () => 1)]), { code: 'Collision' });
  assert.equal(registry.base.size, size + 1);
});

test('replace exchanges the whole set, calls in flight finish on the old one, remove takes it away', async (t) => {
  const { instance, publish, as } = setUp(t);
  let answer: (value: string) => void = () => {};
  const slow = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const publication = publish(instance().importer, 'pets', [
    leaf('pets/a', () => slow),
    leaf('pets/b', () => 'old b'),
  ]);
  const inFlight = as(null).call('pets/a');
  publication.replace([leaf('pets/b', () => 'new b')]);
  await assert.rejects(as(null).call('pets/a'), { code: 'NOT_FOUND' });
  assert.equal(await as(null).call('pets/b'), 'new b');
  assert.throws(() => publication.replace([leaf('pets/c', () => 1), leaf('pets/c', () => 1)]), /twice/);
  assert.equal(await as(null).call('pets/b'), 'new b');
  answer('old a');
  assert.equal(await inFlight, 'old a');
  publication.remove();
  await assert.rejects(as(null).call('pets/b'), { code: 'NOT_FOUND' });
});

test('a newer instance takes a namespace over without a gap; what it does not import ends with the old one', async (t) => {
  const { instance, publish, as } = setUp(t);
  const old = instance();
  publish(old.importer, 'pets', [leaf('pets/a', () => 'old')]);
  publish(old.importer, 'cats', [leaf('cats/a', () => 'old')]);
  const next = instance();
  publish(next.importer, 'pets', [leaf('pets/a', () => 'new')]);
  old.stop();
  assert.equal(await as(null).call('pets/a'), 'new');
  await assert.rejects(as(null).call('cats/a'), { code: 'NOT_FOUND' });
});

test("HTTP-103 an adapter's HTTP_<n>, INTERNAL, TIMEOUT and INVALID_INPUT reach the caller as they are, no other code of the protocol does", async (t) => {
  const { instance, publish, as } = setUp(t);
  const thrown = (code: string) =>
    leaf(`pets/${code}`, () => {
      throw new CallError(code, `says ${code}`, { details: { any: [1] }, retryable: true });
    });
  const passed = ['HTTP_300', 'HTTP_404', 'HTTP_599', 'INTERNAL', 'TIMEOUT', 'INVALID_INPUT'];
  const kept = ['INVALID_OPERATION_TYPE', 'HTTP_200', 'HTTP_4040', 'OTHER'];
  publish(instance().importer, 'pets', [...passed, ...kept].map(thrown));
  for (const code of passed) {
    await assert.rejects(as(null).call(`pets/${code}`), { code, message: `says ${code}`, retryable: true });
  }
  for (const code of kept) {
    await assert.rejects(as(null).call(`pets/${code}`), { code: 'INTERNAL', message: 'internal error' });
  }
});

test('a large import that is prepared lets others run between, shows nothing before it is published, and then all', async (t) => {
  const { imports, instance, publish, registry } = setUp(t);
  const properties = Object.fromEntries(
    Array.from({ length: 300 }, (_, n) => [`member${n}`, Type.String({ maxLength: n, description: 'text' })]),
  );
  const large = (n: number): AdapterRegistration => {
    const { operation, ...rest } = leaf(`pets/operation${n}`, () => n);
    return { ...rest, operation: { ...operation, input: Type.Object({ ...properties, n: Type.Integer() }) } };
  };
  const registrations = Array.from({ length: 300 }, (_, n) => large(n));
  const before = registry.base.size;
  const revision = registry.base.revision;
  let turns = 0;
  let prepared = false;
  const others = () => {
    if (prepared) return;
    turns++;
    assert.equal(registry.base.size, before);
    setImmediate(others);
  };
  setImmediate(others);
  await imports.prepare(registrations);
  prepared = true;
  assert.ok(turns > 2, `${turns} turns of others`);
  assert.equal(registry.base.revision, revision);
  publish(instance().importer, 'pets', registrations);
  assert.equal(registry.base.size, before + registrations.length);
});

test('prepare refuses what publish would refuse', async (t) => {
  const { imports } = setUp(t);
  const { operation, ...rest } = leaf('pets/bad', () => 1);
  const bad = { ...rest, operation: { ...operation, input: { type: 'nonsense' } as never } };
  await assert.rejects(imports.prepare([leaf('pets/good', () => 1), bad]), {
    name: 'OperationFault',
    message: /pets\/bad.*input/,
  });
});
