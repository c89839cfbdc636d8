import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { defineOperation, Type } from '@alknet/sdk';
import { createTestNode } from '@alknet/sdk/testing';
import plugin from '../src/plugin.ts';

const secrets = { 'acme-invoice-key': 'a key for tests' };
const clerk = { id: 'clerk', scopes: ['acme-invoice:issue'], resources: {} };

/** Of another plugin on the same node. */
const clock = defineOperation({
  name: 'acme-clock/now',
  type: 'query',
  access: 'public',
  input: Type.Object({}),
  output: Type.Object({ iso: Type.String() }),
  handler: () => ({ iso: '2026-01-01T00:00:00Z' }),
});

test('an invoice gets the next number, the time of the clock, its issuer, and a seal that the key verifies', async (t) => {
  const node = await createTestNode(plugin, { secrets, operations: [clock] });
  t.after(() => node.stop());
  const client = node.client({ identity: clerk });
  const order = { customer: 'Grace', cents: 1250 };
  const numbers = await Promise.all([1, 2, 3].map(() => client.call('acme-invoice/issue', order)));
  assert.deepEqual(numbers.map(({ invoice }) => invoice.number).sort(), [1, 2, 3]);
  const { invoice, seal } = await client.call('acme-invoice/issue', order);
  assert.deepEqual(invoice, { number: 4, ...order, issuedAt: '2026-01-01T00:00:00Z', issuedBy: 'clerk' });
  assert.equal(
    seal,
    createHmac('sha256', secrets['acme-invoice-key']).update(JSON.stringify(invoice)).digest('hex'),
  );
});

test('without a clock on the node its own time serves', async (t) => {
  const node = await createTestNode(plugin, { secrets });
  t.after(() => node.stop());
  const before = Date.now();
  const { invoice } = await node
    .client({ identity: clerk })
    .call('acme-invoice/issue', { customer: 'Grace', cents: 1 });
  assert.ok(Date.parse(invoice.issuedAt) >= before);
});

test('without its secret it issues nothing, and says why', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const client = node.client({ identity: clerk });
  await assert.rejects(client.call('acme-invoice/issue', { customer: 'Grace', cents: 1 }), (error) =>
    client.isError(error, 'acme-invoice/issue', 'NO_KEY'),
  );
  assert.equal(await node.store.get('last-number'), undefined);
});

test('nobody calls its parts, and nobody without the scope the whole', async (t) => {
  const node = await createTestNode(plugin, { secrets });
  t.after(() => node.stop());
  await assert.rejects(node.call('acme-invoice/seal', {}, { identity: clerk }), { code: 'NOT_FOUND' });
  const stranger = { ...clerk, scopes: [] };
  await assert.rejects(
    node.client({ identity: stranger }).call('acme-invoice/issue', { customer: 'Grace', cents: 1 }),
    { code: 'FORBIDDEN' },
  );
});
