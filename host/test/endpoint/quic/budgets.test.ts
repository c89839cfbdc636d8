import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FloodBudget,
  floodPeriod,
  lastingSurplus,
  maxIdleDatagrams,
  maxSurplus,
  surplusPeriod,
} from '../../../src/endpoint/quic/budgets.ts';

/** Datagrams of `bytes` until one too many, or `most`. */
function flood(budget: FloodBudget, bytes: number, most: number, now = 0): number {
  for (let i = 1; i <= most; i++) if (budget.received(now, bytes, () => false) !== undefined) return i;
  return most + 1;
}

test('small datagrams without progress are one too many after 1000 in 10 s', () => {
  assert.equal(flood(new FloodBudget(), 40, 5000), maxIdleDatagrams + 1);
  const slow = new FloodBudget();
  assert.equal(flood(slow, 40, maxIdleDatagrams), maxIdleDatagrams + 1);
  assert.equal(
    slow.received(floodPeriod + 1, 40, () => false),
    undefined,
  );
});

test('stream bytes either way begin the count anew, and what was sent may be acknowledged', () => {
  const budget = new FloodBudget();
  assert.equal(flood(budget, 40, 1000), 1001);
  budget.read(1);
  assert.equal(flood(budget, 40, 5000), maxIdleDatagrams + 1);
  budget.sent(500_000);
  assert.equal(flood(budget, 40, 5000), 1000 + maxIdleDatagrams + 1);
});

test('full datagrams that nobody reads are counted once they exceed the largest window', () => {
  const most = Math.ceil((16 << 20) / 1200) + maxIdleDatagrams;
  assert.equal(flood(new FloodBudget(), 1200, 2 * most), most + 1);
});

/** Full datagrams of 1264 bytes, 1200 of them surplus, with a stream byte each. */
function surplus(budget: FloodBudget, bytes: number, now: number, isUnread = false): string | undefined {
  let excess: string | undefined;
  for (let i = 0; i < bytes / 1200 && excess === undefined; i++) {
    excess = budget.received(now, 1264, () => isUnread);
    budget.read(1);
  }
  return excess;
}

test('bytes that no stream gave may stay for 5 s up to 512 KiB, for a moment up to 20 MiB', () => {
  const little = new FloodBudget();
  assert.equal(surplus(little, 0.9 * lastingSurplus, 0), undefined);
  assert.equal(
    little.received(1e6, 100, () => false),
    undefined,
  );
  const lasting = new FloodBudget();
  assert.equal(surplus(lasting, 2 * lastingSurplus, 0), undefined);
  assert.equal(
    lasting.received(surplusPeriod - 1, 100, () => false),
    undefined,
  );
  assert.equal(
    lasting.received(surplusPeriod, 100, () => false),
    'surplus',
  );
  assert.equal(surplus(new FloodBudget(), 1.1 * maxSurplus, 0), 'surplus');
  assert.equal(surplus(new FloodBudget(), 1.1 * maxSurplus, 0, true), 'surplus');
});

test('data behind a lost packet is no surplus once it is read, nor while nobody reads it', () => {
  const late = new FloodBudget();
  assert.equal(surplus(late, 4 << 20, 0), undefined);
  late.read(4 << 20);
  assert.equal(
    late.received(surplusPeriod, 1264, () => false),
    undefined,
  );
  const unread = new FloodBudget();
  assert.equal(surplus(unread, 4 << 20, 0, true), undefined);
  for (let now = 0; now < 10 * surplusPeriod; now += 1000)
    assert.equal(
      unread.received(now, 100, () => true),
      undefined,
    );
});

test('a transfer for hours with a fifth of it sent twice is no surplus', () => {
  const budget = new FloodBudget();
  for (let now = 0; now < 1e6; now += 10) {
    for (let i = 0; i < 6; i++)
      assert.equal(
        budget.received(now, 1264, () => false),
        undefined,
      );
    budget.read(5 * 1200);
  }
});
