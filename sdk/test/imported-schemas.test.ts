import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchema, SchemaFault } from '@alknet/sdk';

test('an imported schema with a chain of thousands of definitions is checked, and does not use the stack up', () => {
  const length = 3000;
  const $defs = Object.fromEntries(
    Array.from({ length }, (_, i) => [
      `S${i}`,
      { type: 'object', properties: { next: { $ref: `#/$defs/S${(i + 1) % length}` } } },
    ]),
  );
  const check = compileSchema({ $ref: '#/$defs/S0', $defs }, 'imported');
  assert.equal(check({ next: { next: { next: {} } } }), undefined);
  const [issue] = check({ next: { next: { next: 7 } } }) ?? [];
  assert.deepEqual(issue, { path: '/next/next/next', keyword: 'type', message: 'must be object' });
});

test('an imported schema keeps its references: defaults are filled through them, beside them, and in escaped names', () => {
  const schema = {
    type: 'object',
    properties: {
      a: { $ref: '#/$defs/a~1b%20c', required: ['m'] },
      b: { anyOf: [{ $ref: '#/$defs/never' }, { $ref: '#' }] },
      $ref: { type: 'string' },
    },
    $defs: { 'a/b c': { type: 'object', properties: { n: { type: 'integer', default: 4 } } }, never: false },
  };
  const check = compileSchema(schema, 'imported');
  const value = { a: { m: 1 }, $ref: 'text', b: { b: { $ref: 'inner' } } };
  assert.equal(check(value), undefined);
  assert.deepEqual(value.a, { m: 1, n: 4 });
  assert.equal(check({ a: {} })?.[0]?.path, '/a');
  assert.equal(check({ a: { m: 1, n: 'x' } })?.[0]?.path, '/a/n');
  assert.equal(check({ b: { b: { $ref: 7 } } })?.[0]?.path.startsWith('/b'), true);
});

test('an imported schema that refers to itself without a member between ends its check', () => {
  const check = compileSchema(
    { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/a' }, { type: 'integer' }] } } },
    'imported',
  );
  assert.equal(check(1), undefined);
  assert.notEqual(check('x'), undefined);
});

test('an imported schema with a reference to nowhere or out of it is a fault', () => {
  for (const $ref of ['#/$defs/none', 'https://example.com/x', '#anchor', '#/type'])
    assert.throws(() => compileSchema({ $ref, type: 'object' }, 'imported'), SchemaFault);
});
