import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, type HttpRoute } from '@alknet/sdk';
import { createTestNode } from '@alknet/sdk/testing';
import plugin from '../src/plugin.ts';

const ada = { id: 'ada', scopes: [], resources: {} };
const nobody = { identity: null, remote: null, requestId: '1', signal: new AbortController().signal };

/** Does what the owner of the surface http does with the routes of others, as far as this test needs it. */
async function webOwner() {
  let routes: readonly HttpRoute[] = [];
  const owner = definePlugin({
    name: 'http',
    version: '0.1.0',
    start: (host) => {
      routes = host.contributions('http').current.flatMap(({ value }) => value as readonly HttpRoute[]);
      return {};
    },
  });
  const node = await createTestNode(owner, {
    contributions: { http: [{ plugin: plugin.name, value: plugin.contributes?.http }] },
  });
  const fetchFrom = async (url: string) => {
    const request = new Request(new URL(url, 'http://localhost'));
    const route = routes.find(
      ({ method, path }) => method === request.method && path === new URL(request.url).pathname,
    );
    return await route?.handler(request, nobody);
  };
  return { fetch: fetchFrom, stop: () => node.stop() };
}

test('posts are listed newest first, with those who posted them', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const client = node.client({ identity: ada });
  await client.call('acme-feed/post', { text: 'one' });
  await client.call('acme-feed/post', { text: 'two' });
  const { posts } = await node.client().call('acme-feed/list', {});
  assert.deepEqual(
    posts.map(({ n, text, author }) => [n, text, author]),
    [
      [2, 'two', 'ada'],
      [1, 'one', 'ada'],
    ],
  );
  await assert.rejects(node.client().call('acme-feed/post', { text: 'three' }), { code: 'FORBIDDEN' });
});

test('posts at the same moment all get numbers, and who follows gets each', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const seen: string[] = [];
  const follower = (async () => {
    for await (const { text } of node.client().subscribe('acme-feed/follow', {})) {
      seen.push(text);
      if (seen.length === 3) return;
    }
  })();
  await Promise.all(
    ['a', 'b', 'c'].map((text) => node.client({ identity: ada }).call('acme-feed/post', { text })),
  );
  await follower;
  assert.deepEqual(seen.sort(), ['a', 'b', 'c']);
  const { posts } = await node.client().call('acme-feed/list', {});
  assert.deepEqual(
    posts.map(({ n }) => n),
    [3, 2, 1],
  );
});

test('the owner of the surface http finds the route and serves the feed with it', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const web = await webOwner();
  t.after(() => web.stop());
  await node.client({ identity: ada }).call('acme-feed/post', { text: '<hello>' });
  const response = await web.fetch('/feed.json?limit=5');
  assert.equal(response?.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/feed+json');
  const { version, items } = (await response.json()) as { version: string; items: Record<string, unknown>[] };
  assert.equal(version, 'https://jsonfeed.org/version/1.1');
  assert.deepEqual(
    items.map(({ id, content_text: text, authors }) => [id, text, authors]),
    [['1', '<hello>', [{ name: 'ada' }]]],
  );
  assert.equal((await web.fetch('/feed.json?limit=many'))?.status, 400);
  assert.equal(await web.fetch('/other'), undefined);
});

test('its commands post and list by the operations of the node', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const lines: string[] = [];
  const run = async (name: string, words: string[], options: Record<string, string> = {}) => {
    const command = plugin.contributes?.cli?.find((candidate) => candidate.name === name);
    await command?.run({
      arguments: words,
      has: (option) => Object.hasOwn(options, option),
      value: (option) => options[option],
      values: () => [],
      json: false,
      signal: nobody.signal,
      result: (_value, text) => void lines.push(text),
      item: (_value, text) => void lines.push(text),
      note: (text) => void lines.push(text),
      call: (operation, input = {}) => node.call(operation, input, { identity: ada }),
      subscribe: (operation, input = {}) => node.subscribe(operation, input),
      dial: () => Promise.reject(new Error('no command of this plugin dials')),
      runProgram: () => Promise.reject(new Error('no command of this plugin runs a program')),
    });
  };
  await run('tail', []);
  await run('post', ['hello']);
  await run('post', ['again']);
  await run('tail', [], { lines: '1' });
  await run('tail', []);
  assert.deepEqual(lines, [
    'nothing has been posted',
    '1  ada: hello',
    '2  ada: again',
    '2  ada: again',
    '1  ada: hello',
    '2  ada: again',
  ]);
});
