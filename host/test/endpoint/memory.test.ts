import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import { CloseCode } from '@alknet/sdk';
import type { HostConnection } from '../../src/endpoint/host-connection.ts';
import { memoryLimit } from '../../src/endpoint/memory.ts';
import { MemoryWatch } from '../../src/endpoint/memory-watch.ts';
import { ask, client, echo, testNode, until } from './support.ts';

const alice = { id: 'alice', scopes: [], resources: {} };
const connection = (identity: typeof alice | null, direction = 'accepted') =>
  ({ identity, direction }) as HostConnection;

test('above the limit an eighth of the strangers is let go, the newest first, and nobody else', () => {
  const watch = new MemoryWatch();
  const strangers = Array.from({ length: 9 }, () => connection(null));
  const all = [connection(alice), ...strangers, connection(null, 'dialled'), connection(null, 'dispatched')];
  assert.deepEqual(watch.look(all, 100, 100), []);
  assert.equal(watch.isPressed, false);
  assert.deepEqual(watch.look(all, 101, 100), [strangers[8], strangers[7]]);
  assert.equal(watch.isPressed, true);
  assert.deepEqual(watch.look([connection(alice)], 101, 100), []);
  assert.equal(watch.isPressed, true);
  watch.look(all, 99, 100);
  assert.equal(watch.isPressed, false);
});

test('without a configured limit it is three quarters of what there is', () => {
  assert.equal(memoryLimit(1000), 1000);
  assert(memoryLimit(0) > 0 && memoryLimit(0) <= 0.75 * totalmem());
});

test('END-56 short of memory the newest connections without identity end first, those with one stay', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const [alice, stranger] = [await client(t), await client(t)];
  node.identities.add('alice', alice.identities.fingerprint);
  const dial = (from: typeof alice) => node.dial({ from, alpn: 'alknet/one', transport: 'quic' });
  const known = await dial(alice);
  const order: number[] = [];
  const strangers = [await dial(stranger), await dial(stranger), await dial(stranger)];
  strangers.forEach(({ closed }, n) => void closed.then(() => order.push(n)));
  await until(() => node.endpoint.status().connections === 4);
  node.settings.memory = 1;
  await Promise.all(strangers.map(({ closed }) => closed));
  assert.deepEqual(order, [2, 1, 0]);
  const refused = { code: CloseCode.LIMIT, reason: 'limit: limits.memory', by: 'peer' };
  assert.deepEqual(await strangers[2]?.closed, refused);
  assert.deepEqual(await (await dial(stranger)).closed, refused);
  assert.equal(await ask(known, 'x'), 'one:x');
  assert.equal(await ask(await dial(alice), 'y'), 'one:y');
  assert.equal(node.endpoint.status().refused['limits.memory'], 4);
  const events = () => node.lines.filter(({ event }) => event.startsWith('memory')).map(({ event }) => event);
  assert.deepEqual(events(), ['memory short']);
  node.settings.memory = 0;
  await until(() => events().length === 2);
  assert.equal(await ask(await dial(stranger), 'z'), 'one:z');
});
