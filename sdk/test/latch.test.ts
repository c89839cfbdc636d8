import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortLatch, Latch } from '../src/latch.ts';

test('a latch tells each listener once, in their order, and those who come later at once', () => {
  const latch = new Latch<string>();
  const told: string[] = [];
  for (const name of ['a', 'b', 'c']) latch.on((reason) => told.push(`${name} ${reason}`));
  assert.equal(latch.reason, undefined);
  latch.trip('first');
  latch.trip('second');
  assert.deepEqual(told, ['a first', 'b first', 'c first']);
  latch.on((reason) => told.push(`late ${reason}`));
  assert.equal(told.at(-1), 'late first');
  assert.equal(latch.reason, 'first');
});

test('a latch that forgot its listeners tells nobody who came before', () => {
  const latch = new Latch<string>();
  const told: string[] = [];
  latch.on(() => told.push('before'));
  latch.forget();
  latch.on(() => told.push('after'));
  latch.trip('now');
  assert.deepEqual(told, ['after']);
});

test('the signal of a latch is aborted with its reason, also when it is asked for afterwards', () => {
  const before = new AbortLatch<Error>();
  const heard: unknown[] = [];
  before.signal.addEventListener('abort', () => heard.push(before.signal.reason));
  before.on((reason) => heard.push(reason));
  const reason = new Error('gone');
  before.trip(reason);
  before.trip(new Error('later'));
  assert.deepEqual(heard, [reason, reason]);
  const after = new AbortLatch<Error>();
  after.trip(reason);
  assert.equal(after.signal.reason, reason);
  assert.equal(new AbortLatch<Error>().signal.aborted, false);
});
