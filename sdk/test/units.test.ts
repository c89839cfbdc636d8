import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compileSchema,
  Duration,
  formatBytes,
  formatDuration,
  inBytes,
  inMilliseconds,
  parseBytes,
  parseDuration,
  Size,
} from '../src/index.ts';

test('a duration is a number of seconds, or text with a unit from ms to d', () => {
  const written = [0, 0.25, 30, '250ms', '30s', '1.5m', '2h', '7d', '0s'];
  assert.deepEqual(
    written.map(parseDuration),
    [0, 250, 30_000, 250, 30_000, 90_000, 7_200_000, 604_800_000, 0],
  );
});

test('a size is a number of bytes, or text with a unit from KiB to TiB', () => {
  const written = [0, 2048, '64KiB', '1.5MiB', '2GiB', '1TiB'];
  assert.deepEqual(written.map(parseBytes), [0, 2048, 65_536, 1_572_864, 2 ** 31, 2 ** 40]);
});

const neither = [-1, Number.NaN, Number.POSITIVE_INFINITY, '', '5', '-5s', '5 s', '1e3s', '.5s', '5.s', null];
const neitherText = ['s', 'KiB', '5S', '5kib', '5MB', '5B', '5w', '5constructor', '9'.repeat(16), true, {}];

test('what is no duration and no size is undefined', () => {
  for (const value of [...neither, ...neitherText]) {
    assert.equal(parseDuration(value), undefined, String(value));
    assert.equal(parseBytes(value), undefined, String(value));
  }
  assert.equal(parseDuration('5KiB'), undefined);
  assert.equal(parseBytes('5s'), undefined);
});

test('a value that no schema has checked is refused with what was expected and what came', () => {
  assert.equal(inMilliseconds('0.5s'), 500);
  assert.throws(() => inMilliseconds('soon'), {
    name: 'RangeError',
    message: 'expected a duration such as 2 or "2s", found "soon"',
  });
  assert.throws(() => inBytes('2MB'), {
    name: 'RangeError',
    message: 'expected a size such as 1048576 or "1MiB", found "2MB"',
  });
});

test('a fraction of a byte is dropped where whole bytes count', () => {
  assert.equal(parseBytes('0.001KiB'), 1.024);
  assert.equal(inBytes('0.001KiB'), 1);
  assert.equal(inBytes(10.9), 10);
});

test('the schemas let through what the functions read, and nothing else', () => {
  const isDuration = compileSchema(Duration());
  const isSize = compileSchema(Size());
  const texts = ['250ms', '30s', '1.5m', '64KiB', '0.3TiB', '5S', '5MB', 'soon', '', '1.s', '5 s', '9d'];
  for (const value of [...texts, 0, 0.5, 30, -1, null, true, {}]) {
    assert.equal(isDuration(value) === undefined, parseDuration(value) !== undefined, String(value));
    assert.equal(isSize(value) === undefined, parseBytes(value) !== undefined, String(value));
  }
});

test('bounds of a schema hold for numbers of seconds or bytes', () => {
  const check = compileSchema(Duration({ minimum: 1, maximum: 60 }));
  assert.equal(check(60), undefined);
  assert.notEqual(check(61), undefined);
  assert.notEqual(check(0.5), undefined);
});

test('a quantity is shown in the largest unit that leaves no fraction, and reads back as itself', () => {
  assert.deepEqual([0, 250, 1000, 90_000, 86_400_000].map(formatDuration), ['0', '250ms', '1s', '90s', '1d']);
  assert.deepEqual([0, 1023, 1025, 65_536, 2 ** 40].map(formatBytes), ['0', '1023', '1025', '64KiB', '1TiB']);
  for (const value of [1, 999, 60_000, 172_800_000])
    assert.equal(parseDuration(formatDuration(value)), value);
});
