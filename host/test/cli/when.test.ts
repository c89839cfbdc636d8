import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWhen } from '../../src/cli/peers-change.ts';

test('an expiry is a time, or a span from now', () => {
  assert.equal(parseWhen('2027-01-31T12:00:00Z'), '2027-01-31T12:00:00.000Z');
  const before = Date.now();
  const found = Date.parse(parseWhen('90d')) - 90 * 86_400_000;
  assert.ok(found >= before && found <= Date.now());
});

test('what is neither, or lies beyond all times, is refused with an example', () => {
  for (const text of ['', 'soon', '90x', '999999999999d'])
    assert.throws(() => parseWhen(text), /expected a time such as .* or a span such as 90d, found /);
});
