import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LateEnd, type PathState, repeatAfter, repeats } from '../../../src/endpoint/quic/late-end.ts';

const path = (change: Partial<PathState> = {}): PathState => ({
  lost: 1,
  sent: 100,
  recv: 100,
  rtt: 10,
  ...change,
});

test('on a path that never lost a packet an end waits for nothing', () => {
  assert.equal(new LateEnd(0, path({ lost: 0 })).wait(0, path({ lost: 0 }), false), 0);
});

test('an end waits no longer when nothing is under way', () => {
  const late = new LateEnd(0, path());
  assert.ok(late.wait(0, path(), false) > 0);
  assert.equal(late.wait(1, path(), true), 0);
});

test('an end waits until packets behind its data have shown that none was lost', () => {
  const late = new LateEnd(0, path());
  const first = late.wait(0, path(), false);
  assert.equal(first, 3 * 10 + 25);
  // Nothing came and went: nothing is known.
  assert.ok(late.wait(first, path(), false) > 0);
  // Much came and went, and something was lost.
  assert.ok(late.wait(2 * first, path({ sent: 200, recv: 200, lost: 2 }), false) > 0);
  assert.equal(late.wait(3 * first, path({ sent: 300, recv: 300, lost: 2 }), false), 0);
});

test('packets that come and go count from the last loss on, however many looks that takes', () => {
  const late = new LateEnd(0, path());
  const period = late.wait(0, path(), false);
  assert.ok(late.wait(period, path({ sent: 112, recv: 112 }), false) > 0);
  assert.ok(late.wait(2 * period, path({ sent: 123, recv: 130 }), false) > 0);
  assert.equal(late.wait(3 * period, path({ sent: 124, recv: 130 }), false), 0);
});

test('an end does not wait for ever, and no look takes longer than three seconds', () => {
  const late = new LateEnd(0, path({ rtt: 100_000 }));
  let now = 0;
  for (;;) {
    const wait = late.wait(now, path({ rtt: 100_000 }), false);
    if (wait === 0) break;
    assert.ok(wait <= 3_000);
    now += wait;
  }
  assert.equal(now, 9_000);
});

test('an end on a path that lost nothing is sent again before its data can have been acknowledged', () => {
  assert.ok(repeats * repeatAfter(path({ rtt: 80 })) < 80);
  assert.equal(repeatAfter(path({ rtt: 0 })), 1);
  assert.ok(repeatAfter(path({ rtt: 100_000 })) <= 100);
});
