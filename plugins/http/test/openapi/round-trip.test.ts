import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { OperationSpec } from '@alknet/sdk';
import { Agent } from 'undici';
import { fromOpenAPI } from '../../src/adapters/from-openapi.ts';
import { published } from '../adapters/harness.ts';
import { httpNode } from '../node.ts';
import { shop } from './shop.ts';

interface Schema {
  readonly input_schema: unknown;
  readonly output_schema: unknown;
  readonly op_type: string;
}

async function setUp(t: TestContext) {
  const node = await httpNode({ plugins: { shop } });
  t.after(() => node.stop());
  const token = await node.grant('ada', ['admin', 'host:admin', 'host:read', 'shop:buy', 'lab:admin']);
  const { text } = await node.ask('/openapi.json', { token });
  return { node, token, text };
}

test("HTTP-89 fromOpenAPI of a node's own document gives operations with equal schemas", async (t) => {
  const { node, token, text } = await setUp(t);
  const registrations = await fromOpenAPI({ namespace: 'far', source: text }).import();
  const specs = new Map<string, OperationSpec>(
    registrations.map(({ operation }) => [operation.name, operation]),
  );
  const names = [
    ...Object.values(
      (JSON.parse(text) as { paths: Record<string, Record<string, { 'x-alknet': { name: string } }>> }).paths,
    ),
  ].flatMap((item) => Object.values(item).map((operation) => operation['x-alknet'].name));
  assert.ok(names.length > 40);
  for (const name of names) {
    const { output } = (await node.ask(`/schema?name=${name}`, { token })).json() as { output: Schema };
    const spec = specs.get(`far/${name.replaceAll('/', '.')}`);
    assert.ok(spec !== undefined, name);
    assert.equal(spec.type, output.op_type, name);
    // A definition that contains itself is expanded once: what it admits is the same (below).
    if (JSON.stringify(output.input_schema).includes('"$ref"')) continue;
    assert.deepEqual(modern(spec.input), modern(output.input_schema), name);
    assert.deepEqual(modern(spec.output), modern(output.output_schema), name);
  }
});

/** Tuples have another spelling since draft-07, and definitions of a schema may stand in place. */
function modern(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(modern);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $schema: _, $id: _id, additionalItems, ...rest } = schema as Record<string, unknown>;
  const plain = Object.entries(rest).map(([name, value]) => [name, modern(value)]);
  const made = Object.fromEntries(plain);
  if (!Array.isArray(made.items)) return made;
  const { items, ...others } = made;
  return {
    ...others,
    prefixItems: items,
    ...(additionalItems === undefined ? {} : { items: modern(additionalItems) }),
  };
}

test('HTTP-87 HTTP-89 calls made from the document alone succeed for each kind of operation', async (t) => {
  const { node, token, text } = await setUp(t);
  // The certificate of the node is self-signed; trust is none of this test.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  t.after(() => dispatcher.close());
  const adapter = fromOpenAPI({
    namespace: 'far',
    source: text,
    baseUrl: node.url,
    visibility: 'external',
    auth: { kind: 'bearer', secret: 'token' },
    client: { dispatcher },
  });
  const far = await published(t, adapter, 'far', { token });
  const asked = { words: ['a b', '[x'], limit: 3, sold: false, price: 1.5, kind: 'b' };
  assert.deepEqual(await far.call('shop.list', asked), { asked });
  assert.equal(await far.call('shop.now', {}), 'now');
  assert.deepEqual(await far.call('shop.find', { where: { id: 4 } }), { where: { id: 4 } });
  assert.equal(await far.call('shop.scalar', 4), 5);
  assert.deepEqual(await far.call('shop.buy', { id: 3 }), { bought: 3 });
  const tree = { name: 'a', children: [{ name: 'b', children: [] }] };
  assert.deepEqual(await far.call('shop.tree', tree), tree);
  assert.deepEqual(await far.call('shop.pair', { pair: ['a', 1] }), ['a', 1]);
  assert.equal(await far.call('shop.photo', { data: 'AP8=', size: '12' }), 'AP8=');
  const collect = async (name: string, input: object) => {
    const values: unknown[] = [];
    for await (const value of far.subscribe(name, input)) values.push(value);
    return values;
  };
  assert.deepEqual(await collect('shop.watch', { n: 3 }), [{ i: 0 }, { i: 1 }, { i: 2 }]);
  assert.deepEqual(await collect('shop.follow', { filter: { n: 2 } }), [0, 1]);
  await assert.rejects(
    far.call('shop.buy', { id: 9 }),
    (error: { code: string; details: { body: { code: string; details: unknown } } }) => {
      assert.equal(error.code, 'HTTP_409');
      assert.deepEqual(
        [error.details.body.code, error.details.body.details],
        ['SOLD_OUT', { until: 'monday' }],
      );
      return true;
    },
  );
  await assert.rejects(far.call('shop.tree', { children: [{ name: 7 }] }), { code: 'INVALID_INPUT' });
});
