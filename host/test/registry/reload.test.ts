import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyOperation, defineOperation, Type } from '@alknet/sdk';
import { fixture, identity } from './fixture.ts';

const good = {
  name: 'acme/one',
  type: 'query',
  access: 'public',
  input: Type.Object({}),
  output: Type.Object({}),
  handler: () => ({}),
} as const;
const define = (change: Record<string, unknown>) =>
  defineOperation({ ...good, ...change } as never) as AnyOperation;

test('REG-36 a call in flight finishes on the old code, and one longer than the grace is aborted', async (t) => {
  const { registry, owner, as } = fixture(t);
  const releases: ((value: { text: string }) => void)[] = [];
  const version = (text: string, wait: boolean) =>
    define({
      output: Type.Object({ text: Type.String() }),
      handler: () => (wait ? new Promise((resolve) => releases.push(resolve)) : { text }),
    });
  const old = owner('acme');
  registry.publish(old, [version('old', true)]);
  const gateway = as(identity('alice'));
  const finishing = gateway.call('acme/one', {});
  const stuck = gateway.call('acme/one', {});
  while (releases.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const next = owner('acme');
  registry.publish(next, [version('new', false)], old);
  assert.deepEqual(await gateway.call('acme/one', {}), { text: 'new' });
  releases[0]?.({ text: 'old' });
  assert.deepEqual(await finishing, { text: 'old' });
  const drained = registry.drained(old, 20);
  await assert.rejects(stuck, { code: 'ABORTED' });
  releases[1]?.({ text: 'late' });
  await drained;
});

test('REG-35 during 1000 reloads under load every call is answered by the old code or the new, and every list is one whole set', async (t) => {
  const { registry, owner, as } = fixture(t);
  registry.publishHost(owner('host'), []);
  const versions = (n: number) =>
    ['one', 'two'].map((name) =>
      define({ name: `acme/${name}`, output: Type.Object({ n: Type.Integer() }), handler: () => ({ n }) }),
    );
  let current = owner('acme');
  registry.publish(current, versions(0));
  const gateway = as(identity('alice'));
  let going = true;
  let calls = 0;
  const load = Array.from({ length: 8 }, async () => {
    let last = 0;
    while (going) {
      const { n } = (await gateway.call('acme/one', {})) as { n: number };
      assert.ok(n >= last, 'never back to older code');
      last = n;
      calls++;
      const { operations } = (await gateway.call('services/list', { namespace: 'acme' })) as {
        operations: unknown[];
      };
      assert.equal(operations.length, 2);
      // Local calls settle without a turn of the event loop, which the reloads need.
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  for (let n = 1; n <= 1000; n++) {
    const next = owner('acme');
    registry.publish(next, versions(n), current);
    current = next;
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  going = false;
  await Promise.all(load);
  assert.ok(calls > 100);
});

test('REG-42 defaults are filled, nothing is coerced or removed', async (t) => {
  const { plugin, as } = fixture(t);
  plugin('acme', [
    define({
      input: Type.Object({ size: Type.Integer({ default: 3 }) }),
      output: Type.Unknown(),
      handler: (input: unknown) => input,
    }),
  ]);
  const gateway = as(identity('alice'));
  assert.deepEqual(await gateway.call('acme/one', { other: 'kept' }), { size: 3, other: 'kept' });
  await assert.rejects(gateway.call('acme/one', { size: '3' }), { code: 'INVALID_INPUT' });
});

test('REG-43 an output violation of an own operation is INTERNAL, and logged with its path', async (t) => {
  const { plugin, as, lines } = fixture(t);
  plugin('acme', [define({ output: Type.Object({ n: Type.Integer() }), handler: () => ({ n: 'text' }) })]);
  await assert.rejects(as(null).call('acme/one', {}), { code: 'INTERNAL', message: 'internal error' });
  assert.ok(lines.some(({ event, fields }) => event === 'output violation' && fields['path'] === '/n'));
});
