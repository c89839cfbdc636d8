import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LateEnd, type PathState, repeatAfter, repeats } from '../../../src/endpoint/quic/late-end.ts';

const path = (change: Partial<PathState> = {}): PathState => ({
  lost: 1,
  sent: 100,
  recv: 100,
  rtt: 10,
  sentBytes: 5_000_000,
  cwnd: 10_000,
  ...change,
});

/** What is given leaves at once. */
const free = { quiet: false, allSent: true };
const full = { quiet: false, allSent: false };
const quiet = { quiet: true, allSent: false };

test('on a path that never lost a packet an end waits for nothing', () => {
  assert.equal(new LateEnd(0, path({ lost: 0 })).wait(0, path({ lost: 0 }), free), 0);
});

test('an end that could not leave at once waits until it can, on a path that never lost a packet too', () => {
  const at = (change: Partial<PathState> = {}) => path({ lost: 0, ...change });
  const late = new LateEnd(0, at());
  assert.equal(late.wait(0, at(), full), 3 * 10 + 25);
  assert.equal(late.wait(5, at(), free), 0);
});

test('an end that never can leave at once goes when all that was under way must have been acknowledged', () => {
  const late = new LateEnd(0, path({ lost: 0 }));
  const period = late.wait(0, path({ lost: 0 }), full);
  assert.ok(late.wait(period, path({ lost: 0, sentBytes: 5_029_999 }), full) > 0);
  assert.equal(late.wait(2 * period, path({ lost: 0, sentBytes: 5_030_000 }), full), 0);
});

test('packets that come and go show nothing while the data has not been sent', () => {
  const late = new LateEnd(0, path());
  const period = late.wait(0, path(), full);
  assert.ok(late.wait(period, path({ sent: 200, recv: 200 }), full) > 0);
  assert.ok(late.wait(2 * period, path({ sent: 300, recv: 300, sentBytes: 5_030_000 }), full) > 0);
  const much = path({ sent: 324, recv: 324, sentBytes: 5_031_000 });
  assert.equal(late.wait(3 * period, much, full), 0);
});

test('an end waits no longer when nothing is under way', () => {
  const late = new LateEnd(0, path());
  assert.ok(late.wait(0, path(), free) > 0);
  assert.equal(late.wait(1, path(), quiet), 0);
});

test('an end waits until packets behind its data have shown that none was lost', () => {
  const late = new LateEnd(0, path());
  const first = late.wait(0, path(), free);
  assert.equal(first, 3 * 10 + 25);
  // Nothing came and went: nothing is known.
  assert.ok(late.wait(first, path(), free) > 0);
  // Much came and went, and something was lost.
  assert.ok(late.wait(2 * first, path({ sent: 200, recv: 200, lost: 2 }), free) > 0);
  assert.equal(late.wait(3 * first, path({ sent: 300, recv: 300, lost: 2 }), free), 0);
});

test('packets that come and go count from the last loss on, however many looks that takes', () => {
  const late = new LateEnd(0, path());
  const period = late.wait(0, path(), free);
  assert.ok(late.wait(period, path({ sent: 112, recv: 112 }), free) > 0);
  assert.ok(late.wait(2 * period, path({ sent: 123, recv: 130 }), free) > 0);
  assert.equal(late.wait(3 * period, path({ sent: 124, recv: 130 }), free), 0);
});

test('an end does not wait for ever, and no look takes longer than three seconds', () => {
  const late = new LateEnd(0, path({ rtt: 100_000 }));
  let now = 0;
  for (;;) {
    const wait = late.wait(now, path({ rtt: 100_000 }), free);
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
