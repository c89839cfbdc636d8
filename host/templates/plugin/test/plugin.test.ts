import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestNode } from '@alknet/sdk/testing';
import plugin from '../src/plugin.ts';

const ada = { id: 'ada', scopes: [], resources: {} };

test('now tells the time, and shift moves it for those whom the node knows', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const before = await node.client().call('acme-clock/now', {});
  await assert.rejects(node.client().call('acme-clock/shift', { seconds: 3600 }), { code: 'FORBIDDEN' });
  const { shift } = await node.client({ identity: ada }).call('acme-clock/shift', { seconds: 3600 });
  assert.equal(shift, 3600);
  const after = await node.client().call('acme-clock/now', {});
  assert.ok(Date.parse(after.iso) - Date.parse(before.iso) >= 3_600_000);
});

test('a shift of more than a day is refused with the declared error', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const client = node.client({ identity: ada });
  await assert.rejects(client.call('acme-clock/shift', { seconds: 90_000 }), (error) =>
    client.isError(error, 'acme-clock/shift', 'TOO_FAR'),
  );
});

test('ticks come in order, as often as the config says', async (t) => {
  const node = await createTestNode(plugin, { config: { everyMs: 60_000 } });
  t.after(() => node.stop());
  await node.configure({ everyMs: 10 });
  const seen: number[] = [];
  for await (const { n } of node.client().subscribe('acme-clock/ticks', {})) {
    seen.push(n);
    if (n === 3) break;
  }
  assert.deepEqual(seen, [1, 2, 3]);
});

test('a stream of acme-clock/echo gives back what it is given', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const stream = await node.connect().openStream();
  stream.end('hello');
  assert.equal(String(Buffer.concat(await stream.toArray())), 'hello');
});
