import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stream } from '@alknet/sdk';
import { createTestNode, type TestNode } from '@alknet/sdk/testing';
import { linesOf } from '../src/lines.ts';
import plugin from '../src/plugin.ts';

interface Guest {
  readonly stream: Stream;
  /** The next line that the guest hears. */
  hears(): Promise<string | undefined>;
}

async function guest(node: TestNode, id: string): Promise<Guest> {
  const connection = node.connect({ identity: { id, scopes: [], resources: {} } });
  const stream = await connection.openStream();
  const lines = linesOf(stream, 1024);
  // A stream is there for the plugin with its first byte.
  stream.write('\n');
  return { stream, hears: async () => (await lines.next()).value ?? undefined };
}

test('what one guest says, the others hear under the name that the node has proved', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const ada = await guest(node, 'ada');
  const bob = await guest(node, 'bob');
  assert.equal(await ada.hears(), '* bob came');
  bob.stream.write('hello\r\n');
  assert.equal(await ada.hears(), 'bob: hello');
  ada.stream.write('good ');
  ada.stream.write('day\n');
  assert.equal(await bob.hears(), 'ada: good day');
  bob.stream.end();
  assert.equal(await ada.hears(), '* bob left');
});

test('a line without end is refused, and the guest is out', async (t) => {
  const node = await createTestNode(plugin, { config: { maxLine: 10 } });
  t.after(() => node.stop());
  const ada = await guest(node, 'ada');
  const bob = await guest(node, 'bob');
  await ada.hears();
  bob.stream.write('x'.repeat(11));
  assert.equal(await bob.hears(), '* expected a line of at most 10 bytes');
  assert.equal(await ada.hears(), '* bob left');
});

test('a full room says so, and a reset guest leaves like any other', async (t) => {
  const node = await createTestNode(plugin, { config: { maxGuests: 2 } });
  t.after(() => node.stop());
  const ada = await guest(node, 'ada');
  const bob = await guest(node, 'bob');
  await ada.hears();
  assert.equal(await (await guest(node, 'eve')).hears(), '* the room is full');
  bob.stream.destroy();
  assert.equal(await ada.hears(), '* bob left');
});
