import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineOperation, definePlugin, StoreError, Type } from '../../src/index.ts';
import { createTestNode, duplexPair, MemoryStore } from '../../src/testing/index.ts';

const operations = [
  defineOperation({
    name: 'greet/hello',
    type: 'query',
    access: { scopes: ['greet:say'] },
    input: Type.Object({ name: Type.String({ minLength: 1 }) }),
    output: Type.String(),
    handler: async ({ name }, { env, identity }) =>
      `${await env.invoke('greet/word')}, ${name}, from ${identity?.id}`,
  }),
  defineOperation({
    name: 'greet/word',
    type: 'query',
    visibility: 'internal',
    access: 'authenticated',
    input: Type.Any(),
    output: Type.String(),
    handler: (_input, { capabilities }) => capabilities.get('word') ?? 'hello',
  }),
];

let host: { readonly dataDir: string } | undefined;

const greet = definePlugin({
  name: 'greet',
  version: '1.0.0',
  alpns: ['acme/greet'],
  config: Type.Object({ shout: Type.Boolean({ default: false }) }, { additionalProperties: false }),
  requests: { operations: ['greet/*'], secrets: ['word'] },
  operations,
  start: (given) => {
    host = given;
    given.log.info('greeting begins', { shout: given.config.shout });
    return {
      async connection(connection) {
        for await (const stream of connection) stream.pipe(stream);
      },
      configure: (config) => given.log.info('configured', { shout: config.shout }),
    };
  },
});

const ada = { id: 'ada', scopes: ['greet:say'], resources: {} };

test('a test node runs a plugin: config, access, validation, composition, secrets, log', async () => {
  await assert.rejects(createTestNode(greet, { config: { shuot: true } }), /plugin greet: config .*shuot/);
  const node = await createTestNode(greet, { secrets: { word: 'good day', other: 'never granted' } });
  assert.deepEqual(node.log[0], {
    level: 'info',
    event: 'greeting begins',
    fields: { plugin: 'greet', shout: false },
  });
  const input = { name: 'Bob' };
  assert.equal(await node.call('greet/hello', input, { identity: ada }), 'good day, Bob, from ada');
  await assert.rejects(node.call('greet/hello', input), {
    code: 'FORBIDDEN',
    message: 'authentication required',
  });
  await assert.rejects(node.call('greet/hello', {}, { identity: ada }), { code: 'INVALID_INPUT' });
  await assert.rejects(node.call('greet/word', {}, { identity: ada }), { code: 'NOT_FOUND' });
  await node.configure({ shout: true });
  await assert.rejects(node.configure({ shout: 1 }), /config\/shout/);
  assert.equal(node.log.at(-1)?.fields['shout'], true);
  const directory = host?.dataDir ?? '';
  await writeFile(join(directory, 'file'), 'x');
  await node.stop();
  assert.equal(existsSync(directory), false);
});

test('a test node serves connections of many streams and of one, and ends them at stop', async () => {
  const node = await createTestNode(greet);
  const many = node.connect({ identity: ada });
  const stream = await many.openStream();
  stream.end('echo');
  assert.equal(String((await stream.toArray())[0]), 'echo');
  const single = node.connect({ singleStream: true });
  assert.equal(single.multiplexed, false);
  assert.throws(() => node.connect({ alpn: 'acme/other' }), /expected one of the ALPNs of greet/);
  await node.stop();
  assert.equal((await many.closed).reason, 'shutdown');
});

test('a handler of connections that throws is logged and closes its connection alone', async () => {
  const broken = definePlugin({
    ...greet,
    start: () => ({
      connection: () => {
        throw new Error('broken');
      },
    }),
  });
  const node = await createTestNode(broken);
  assert.equal((await node.connect().closed).code, 0xa1c2);
  assert.equal(node.log.at(-1)?.event, 'connection failed');
  await node.stop();
});

test('the store in memory keeps revisions, lists in order, and tells of changes', async () => {
  const store = new MemoryStore();
  const stop = new AbortController();
  const changes = store.watch('a/', { signal: stop.signal });
  const one = await store.put('a/1', Uint8Array.of(1), { ifRevision: 0 });
  await store.put('b/1', Uint8Array.of(9));
  await store.put('a/0', Uint8Array.of(0));
  await assert.rejects(store.put('a/1', Uint8Array.of(2), { ifRevision: one.revision + 1 }), {
    code: 'STORE_CONFLICT',
  });
  await assert.rejects(
    store.get('no spaces'),
    (error) => error instanceof StoreError && error.code === 'STORE_KEY',
  );
  const listed: string[] = [];
  for await (const { key } of store.list('a/')) listed.push(key);
  assert.deepEqual(listed, ['a/0', 'a/1']);
  await store.delete('a/1', { ifRevision: one.revision });
  const seen: string[] = [];
  for await (const { key, value } of changes) {
    seen.push(`${key} ${value?.[0]}`);
    if (seen.length === 3) stop.abort();
  }
  assert.deepEqual(seen, ['a/1 1', 'a/0 0', 'a/1 undefined']);
});

test('a pair of duplexes half-closes each way', async () => {
  const [near, far] = duplexPair();
  near.end('to far');
  far.end('to near');
  assert.deepEqual([String(await near.toArray()), String(await far.toArray())], ['to near', 'to far']);
});

test('a test node listens to its own end once, however many calls run, and ends them all then', async () => {
  let signal: AbortSignal | undefined;
  let running = 0;
  const waits = defineOperation({
    name: 'wait/ing',
    type: 'query',
    access: 'public',
    input: Type.Any(),
    output: Type.Any(),
    handler: (_input, context) =>
      new Promise((_, reject) => {
        running++;
        context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true });
      }),
  });
  const plugin = definePlugin({
    name: 'wait',
    version: '1.0.0',
    operations: [waits],
    start: (host) => {
      signal = host.signal;
      return {};
    },
  });
  const node = await createTestNode(plugin);
  const calls = Array.from({ length: 50 }, () => node.call('wait/ing', {}).catch(({ code }) => code));
  while (running < 50) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(signal !== undefined);
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  await node.stop();
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(['ABORTED']));
});
