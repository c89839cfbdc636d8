import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloodBudget, floodPeriod, maxIdleDatagrams } from '../../../src/endpoint/quic/budgets.ts';

/** Datagrams of `bytes` until one too many, or `most`. */
function flood(budget: FloodBudget, bytes: number, most: number, now = 0): number {
  for (let i = 1; i <= most; i++) if (budget.received(now, bytes)) return i;
  return most + 1;
}

test('small datagrams without progress are one too many after 1000 in 10 s', () => {
  assert.equal(flood(new FloodBudget(), 40, 5000), maxIdleDatagrams + 1);
  const slow = new FloodBudget();
  assert.equal(flood(slow, 40, maxIdleDatagrams), maxIdleDatagrams + 1);
  assert.equal(slow.received(floodPeriod + 1, 40), false);
});

test('stream bytes either way begin the count anew, and what was sent may be acknowledged', () => {
  const budget = new FloodBudget();
  assert.equal(flood(budget, 40, 1000), 1001);
  budget.read();
  assert.equal(flood(budget, 40, 5000), maxIdleDatagrams + 1);
  budget.sent(500_000);
  assert.equal(flood(budget, 40, 5000), 1000 + maxIdleDatagrams + 1);
});

test('full datagrams that nobody reads are counted once they exceed the largest window', () => {
  const most = Math.ceil((16 << 20) / 1200) + maxIdleDatagrams;
  assert.equal(flood(new FloodBudget(), 1200, 2 * most), most + 1);
});
