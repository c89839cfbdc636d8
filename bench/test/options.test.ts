import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions, UsageError } from '../src/options.ts';
import { scenarios } from '../src/scenarios.ts';

const rowsOf = (...args: string[]) => parseOptions(args)?.scenarios.map(({ name, stacks }) => [name, stacks]);

test('bench: without options every row runs', () => {
  assert.deepEqual(parseOptions([])?.scenarios, scenarios);
});

test('bench: --only narrows rows and contenders, and a row without contenders is left out', () => {
  assert.deepEqual(rowsOf('--only', 'unary-64', '--only', 'quic,ws'), [['unary-64', ['quic', 'ws']]]);
  assert.deepEqual(rowsOf('--only=udp'), [
    ['unary-1', ['udp']],
    ['bulk', ['udp']],
    ['bulk-8k', ['udp']],
  ]);
});

test('bench: wrong options are refused with what was expected', () => {
  assert.throws(() => parseOptions(['--only', 'unary']), /expected one of unary-1, .*received unary$/);
  assert.throws(
    () => parseOptions(['--seconds', 'long']),
    /--seconds: expected a number above 0, received long/,
  );
  assert.throws(() => parseOptions(['--speed']), UsageError);
  assert.equal(parseOptions(['--help', '--json']), undefined);
});
