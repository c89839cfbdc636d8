/** Operations as tools: schemas, names and pages. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OperationSpec, type TSchema, Type } from '@alknet/sdk';
import { ContentBlocks, isContentBlocks } from '../../src/mcp/content-blocks.ts';
import { toolOf } from '../../src/mcp/tool.ts';
import { toolPage, toolSet } from '../../src/mcp/tool-list.ts';

function spec(
  name: string,
  input: TSchema,
  output: TSchema,
  more: Partial<OperationSpec> = {},
): OperationSpec {
  return { name, type: 'query', access: 'public', input, output, ...more };
}

test('a schema that is no object is wrapped, and pointers into it follow', () => {
  const list = Type.Unsafe({
    $defs: { n: { type: 'integer' } },
    type: 'array',
    items: { $ref: '#/$defs/n' },
  });
  const { definition, input, result } = toolOf(spec('a/sum', list, Type.Integer()));
  assert.deepEqual(definition.inputSchema, {
    type: 'object',
    properties: {
      value: {
        $defs: { n: { type: 'integer' } },
        type: 'array',
        items: { $ref: '#/properties/value/$defs/n' },
      },
    },
    required: ['value'],
    additionalProperties: false,
  });
  assert.deepEqual(input({ value: [1, 2] }), [1, 2]);
  assert.throws(() => input({ value: [1], other: 1 }), { code: 'INVALID_INPUT' });
  assert.deepEqual(definition.outputSchema?.properties, { output: { type: 'integer' } });
  assert.deepEqual(result(3), {
    content: [{ type: 'text', text: '{"output":3}' }],
    structuredContent: { output: 3 },
  });
});

test('a value is not asked for where an absent input fits', () => {
  const { definition, input } = toolOf(spec('a/any', Type.Any(), Type.Any()));
  assert.equal(definition.inputSchema.required, undefined);
  assert.deepEqual(input({}), {});
  assert.equal(input({ value: null }), null);
});

test('a union of objects stays as it is, with the type that MCP asks for', () => {
  const either = Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]);
  const { definition, input } = toolOf(spec('a/either', either, Type.Null()));
  assert.equal(definition.inputSchema.type, 'object');
  assert.equal((definition.inputSchema['anyOf'] as unknown[]).length, 2);
  assert.deepEqual(input({ b: 'x' }), { b: 'x' });
});

test('a recursive schema of TypeBox refers to itself by pointers', () => {
  const Tree = Type.Cyclic({ Tree: Type.Object({ leaves: Type.Array(Type.Ref('Tree')) }) }, 'Tree');
  const { definition } = toolOf(spec('a/tree', Tree, Tree));
  assert.deepEqual(definition.inputSchema, {
    $defs: {
      Tree: {
        type: 'object',
        required: ['leaves'],
        properties: { leaves: { type: 'array', items: { $ref: '#/$defs/Tree' } } },
      },
    },
    $ref: '#/$defs/Tree',
    type: 'object',
  });
});

test('a subscription has two more arguments, beside its own or around them', () => {
  const plain = toolOf(
    spec('a/ticks', Type.Object({ n: Type.Integer() }, { additionalProperties: false }), Type.Integer(), {
      type: 'subscription',
    }),
  );
  assert.deepEqual(Object.keys(plain.definition.inputSchema.properties ?? {}), [
    'n',
    'max_items',
    'timeout_ms',
  ]);
  assert.deepEqual(plain.input({ n: 1, max_items: 5 }), { n: 1 });
  const clash = toolOf(
    spec('a/most', Type.Object({ max_items: Type.String() }), Type.Integer(), { type: 'subscription' }),
  );
  assert.deepEqual(Object.keys(clash.definition.inputSchema.properties ?? {}), [
    'value',
    'max_items',
    'timeout_ms',
  ]);
  assert.deepEqual(clash.input({ value: { max_items: 'all' }, max_items: 5 }), { max_items: 'all' });
});

test('hints are there when declared, and only then', () => {
  const hints = { type: 'mutation', destructive: true, idempotent: false, openWorld: true } as const;
  assert.deepEqual(toolOf(spec('a/drop', Type.Object({}), Type.Null(), hints)).definition.annotations, {
    destructiveHint: true,
    idempotentHint: false,
    openWorldHint: true,
  });
  assert.deepEqual(toolOf(spec('a/see', Type.Object({}), Type.Null())).definition.annotations, {
    readOnlyHint: true,
  });
});

test('an output of content blocks goes out as content', () => {
  const { definition, result } = toolOf(spec('a/image', Type.Object({}), ContentBlocks));
  assert.equal(definition.outputSchema, undefined);
  const blocks = [{ type: 'image', data: 'aGk=', mimeType: 'image/png' }];
  assert.deepEqual(result(blocks), { content: blocks });
  assert.equal(isContentBlocks(Type.Array(Type.Object({ type: Type.String() }))), false);
  assert.equal(isContentBlocks(Type.Array(Type.Object({ type: Type.Literal('user') }))), false);
  assert.equal(isContentBlocks(Type.Array(Type.Unknown())), false);
});

test('operations whose names meet are no tools, neither of them', () => {
  const none = Type.Object({});
  const long = `a/${'b'.repeat(63)}`;
  const { tools, leftOut } = toolSet(
    ['a/b_c', 'a_b/c', 'a/d', long].map((name) => spec(name, none, Type.Null())),
  );
  assert.deepEqual([...tools.keys()], ['a_d']);
  assert.deepEqual([...leftOut.keys()].sort(), ['a/b_c', long, 'a_b/c']);
});

test('pages of tools have a hundred each, and visit every tool once while others come', () => {
  const definition = (n: number) =>
    toolOf(spec(`a/t${String(n).padStart(3, '0')}`, Type.Object({}), Type.Null())).definition;
  const tools = Array.from({ length: 250 }, (_, n) => definition(n));
  const first = toolPage(tools, undefined);
  assert.equal(first?.tools.length, 100);
  const second = toolPage([definition(900), ...tools.slice(1)], first?.nextCursor);
  const third = toolPage(tools, second?.nextCursor);
  const names = [first, second, third].flatMap((page) => page?.tools.map(({ name }) => name) ?? []);
  assert.deepEqual(
    names,
    tools.map(({ name }) => name),
  );
  assert.equal(third?.nextCursor, undefined);
  assert.equal(toolPage(tools, 'not a cursor!'), undefined);
});
