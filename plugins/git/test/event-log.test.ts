import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Store, silentLog } from '@alknet/sdk';
import { createTestNode } from '@alknet/sdk/testing';
import { type EventContent, EventLog } from '../src/events/event-log.ts';
import plugin from '../src/plugin.ts';

async function stored(t: { after(work: () => Promise<void>): void }): Promise<Store> {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  return node.store;
}

const push = (repo: string): EventContent => ({ repo, type: 'push', by: 'ada', via: 'alknet', updates: [] });

test('events keep their cursors over a restart, and two instances share one sequence', async (t) => {
  const store = await stored(t);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const one = await EventLog.open(store, silentLog, stop.signal);
  await one.append(push('a'));
  const two = await EventLog.open(store, silentLog, stop.signal);
  const values = one.read('0', stop.signal);
  await Promise.all([one.append(push('b')), two.append(push('c')), one.append(push('d'))]);
  const seen = [];
  for (let n = 0; n < 4; n++) seen.push((await values.next()).value?.cursor);
  assert.deepEqual(seen, ['1', '2', '3', '4']);
  await values.return();
});

test('the last 10000 events are kept, an older cursor is gone, and a slow follower is dropped', async (t) => {
  const store = await stored(t);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const log = await EventLog.open(store, silentLog, stop.signal);
  const slow = log.read(undefined, stop.signal);
  const first = slow.next();
  for (let n = 0; n < 10_005; n++) await log.append(push(`r${n}`));
  let kept = 0;
  for await (const _ of store.list('events/')) kept++;
  assert.equal(kept, 10_000);
  await assert.rejects(log.read('4', stop.signal).next(), { code: 'CURSOR_GONE' });
  assert.equal((await log.read('5', stop.signal).next()).value?.cursor, '6');
  // It had waited for the first; a thousand more were held for it.
  assert.equal((await first).value?.cursor, '1');
  let read = 1;
  await assert.rejects(
    async () => {
      for await (const _ of slow) read++;
    },
    { code: 'CURSOR_GONE' },
  );
  assert.equal(read, 1001, 'one that it waited for, and a thousand');
});
