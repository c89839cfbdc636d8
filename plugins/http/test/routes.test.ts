/** Routes of other plugins, origins, and what the node says of itself. `docs/spec/http.md` 12 to 14. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, httpNode, versions } from './node.ts';

const contributor = `
import { definePlugin } from '@alknet/sdk';
const upper = (body) => body.pipeThrough(new TransformStream({
  transform(chunk, controller) { controller.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())); } }));
export default definePlugin({ name: 'raw', version: '1.0.0', contributes: { http: [
  { method: 'POST', path: '/raw/upper', body: 'stream', handler: (request) => new Response(upper(request.body), { headers: { 'x-raw': 'yes' } }) },
  { method: 'POST', path: '/raw/small', body: 10, handler: async (request) => new Response(await request.text()) },
  { method: ['GET', 'PUT'], path: '/raw/:name{[a-z]+}', handler: (request, { identity, remote }) =>
      Response.json({ at: 'pattern', who: identity?.id ?? null, remote: remote?.address, method: request.method, url: request.url }) },
  { method: 'GET', path: '/raw/literal', handler: () => new Response('literal') },
  { method: 'GET', path: '/raw/*', handler: () => new Response('rest') },
  { method: 'GET', path: '/lab/who', handler: () => undefined },
  { method: 'GET', path: '/lab/nowhere', handler: () => undefined },
  { method: 'GET', path: '/raw/throws/now', handler: () => { throw new Error('hunter2'); } },
  { method: 'GET', path: '/raw/needs/one', auth: 'required', handler: (_request, { identity }) => new Response(identity.id) },
  { method: 'GET', path: '/raw/basic/auth', auth: 'basic', handler: (_request, { identity }) => new Response(identity?.id ?? 'nobody') },
  { method: ['GET', 'OPTIONS'], path: '/raw/own/cors', cors: 'own', handler: (request) =>
      new Response(request.method, { headers: { 'access-control-allow-origin': 'https://own.example' } }) },
] } });`;

test('HTTP-53 a contributed route is served by its plugin, streams bodies both ways, and is no operation', async (t) => {
  const node = await httpNode({ plugins: { raw: contributor } });
  t.after(() => node.stop());
  for (const version of versions) {
    const reply = await node.ask('/raw/upper', { body: 'hello', method: 'POST' }, version);
    assert.deepEqual([reply.status, reply.text, reply.headers['x-raw']], [200, 'HELLO', 'yes']);
    const pattern = (await node.ask('/raw/abc?q=1', {}, version)).json() as Record<string, unknown>;
    assert.deepEqual(
      [pattern['at'], pattern['who'], pattern['remote'], pattern['url']],
      ['pattern', null, '127.0.0.1', `${node.url}/raw/abc?q=1`],
    );
    assert.equal((await node.ask('/raw/literal', {}, version)).text, 'literal');
    assert.equal((await node.ask('/raw/ABC/def', {}, version)).text, 'rest');
    assert.equal((await node.ask('/raw/abc', { method: 'HEAD' }, version)).text, '');
    assert.equal((await node.ask('/raw/abc', { method: 'DELETE' }, version)).headers['server'], 'nginx');
    assert.equal((await node.ask('/raw/small', { body: '0123456789' }, version)).text, '0123456789');
    assert.equal((await node.ask('/raw/small', { body: '01234567890' }, version)).status, 413);
    assert.equal((await node.ask('/raw/needs/one', {}, version)).status, 401);
    const thrown = await node.ask('/raw/throws/now', {}, version);
    assert.deepEqual([thrown.status, (thrown.json() as { code: string }).code], [500, 'INTERNAL']);
    assert.ok(!thrown.text.includes('hunter2'));
  }
  // Piece by piece: the second is sent when the answer to the first has come.
  const request = httpsRequest({
    host: '127.0.0.1',
    port: node.port,
    path: '/raw/upper',
    method: 'POST',
    rejectUnauthorized: false,
    agent: new Agent({ keepAlive: false }),
  });
  request.write('first');
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  const [first] = (await once(response, 'data')) as [Buffer];
  assert.equal(String(first), 'FIRST');
  request.end('second');
  const [second] = (await once(response, 'data')) as [Buffer];
  assert.equal(String(second), 'SECOND');
  const found = await node.ask('/search?limit=1000');
  assert.ok(!found.text.includes('raw'));
});

test('HTTP-54 contributing a reserved path, or one that another plugin has, keeps that plugin from starting and names both', async (t) => {
  const route = (name: string, path: string) => `
    import { definePlugin } from '@alknet/sdk';
    export default definePlugin({ name: '${name}', version: '1.0.0', contributes: { http: [
      { method: 'GET', path: '${path}', handler: () => new Response('${name}') } ] } });`;
  const node = await httpNode({
    mayFail: true,
    plugins: {
      first: route('first', '/shared/:id'),
      second: route('second', '/shared/:name'),
      thief: route('thief', '/openapi.json'),
      broken: route('broken', '/a/*/b'),
    },
  });
  t.after(() => node.stop());
  const problem = (name: string) =>
    node.node.plugins().find((row) => row.name === name)?.error?.message ?? '';
  // They start together: one of the two is first.
  const [loser, winner] = problem('second') === '' ? ['first', 'second'] : ['second', 'first'];
  assert.match(problem(loser ?? ''), /GET \/shared\/:\w+/);
  assert.ok(problem(loser ?? '').includes('first') && problem(loser ?? '').includes('second'));
  assert.equal((await node.ask('/shared/x')).text, winner);
  assert.match(problem('thief'), /\/openapi\.json.*http.*thief/);
  assert.match(problem('broken'), /"\*" stands only at the end/);
  assert.equal((await node.ask('/healthz')).status, 200);
});

test('HTTP-55 a route that declines lets the direct mapping and the decoy answer', async (t) => {
  const node = await httpNode({ plugins: { raw: contributor } });
  t.after(() => node.stop());
  assert.deepEqual((await node.ask('/lab/who')).json(), { id: null });
  assert.equal((await node.ask('/lab/nowhere')).headers['server'], 'nginx');
});

test('HTTP-56 on a route with basic, a token as password gives the identity; elsewhere it does not', async (t) => {
  const node = await httpNode({ plugins: { raw: contributor } });
  t.after(() => node.stop());
  const token = await node.grant('ada');
  const basic = (password: string) => ({
    authorization: `Basic ${Buffer.from(`whoever:${password}`).toString('base64')}`,
  });
  assert.equal((await node.ask('/raw/basic/auth', { headers: basic(token) })).text, 'ada');
  assert.equal((await node.ask('/raw/basic/auth', { token })).text, 'ada');
  assert.equal(
    (await node.ask('/raw/basic/auth', { headers: basic('alk_wrongwrongwrongwrongwrong') })).text,
    'nobody',
  );
  const elsewhere = (await node.ask('/raw/abc', { headers: basic(token) })).json() as { who: null };
  assert.equal(elsewhere.who, null);
  assert.equal((await node.ask('/raw/needs/one', { headers: basic(token) })).status, 401);
  assert.deepEqual((await node.ask('/lab/who', { headers: basic(token) })).json(), { id: null });
});

test('the route of examples/acme-feed is reached, with its plugin in a thread', async (t) => {
  const use = fileURLToPath(new URL('../../../examples/acme-feed', import.meta.url));
  const node = await httpNode({
    entries: { 'acme-feed': { use, isolation: 'worker', grant: { operations: ['acme-feed/list'] } } },
  });
  t.after(() => node.stop());
  const token = await node.grant('ada', ['feed:post']);
  await node.ask('/acme-feed/post', { json: { text: 'first!' }, token });
  for (const version of versions) {
    const reply = await node.ask('/feed.json', {}, version);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers['content-type'], 'application/feed+json');
    const feed = reply.json() as { title: string; items: { content_text: string }[] };
    assert.equal(feed.title, 'acme-feed');
  }
  assert.equal((await node.ask('/feed.json?limit=x')).status, 400);
});

const preflight = (origin: string) => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': 'POST' },
});

test('HTTP-57 an allowed origin gets preflight and CORS headers; another gets none; credentials are never allowed', async (t) => {
  const node = await httpNode({
    plugins: { raw: contributor },
    config: { allowedOrigins: ['https://app.example'] },
  });
  t.after(() => node.stop());
  for (const version of versions) {
    for (const path of ['/call', '/lab/echo', '/raw/upper', '/search']) {
      const reply = await node.ask(path, preflight('https://app.example'), version);
      assert.equal(reply.status, 204, path);
      assert.equal(reply.headers['access-control-allow-origin'], 'https://app.example');
      assert.equal(reply.headers['access-control-allow-methods'], 'GET, HEAD, POST, DELETE, OPTIONS');
      assert.equal(reply.headers['access-control-max-age'], '600');
    }
    const headers = { origin: 'https://app.example' };
    const served = await node.ask('/lab/echo', { headers }, version);
    assert.equal(served.headers['access-control-allow-origin'], 'https://app.example');
    assert.equal(
      served.headers['access-control-expose-headers'],
      'X-Request-Id, Retry-After, Mcp-Session-Id',
    );
    assert.equal(served.headers['vary'], 'Origin');
    const refused = await node.ask('/lab/admin', { headers }, version);
    assert.deepEqual(
      [refused.status, refused.headers['access-control-allow-origin']],
      [401, 'https://app.example'],
    );
    const foreign = await node.ask('/lab/echo', { headers: { origin: 'https://evil.example' } }, version);
    assert.equal(foreign.status, 200);
    const decoy = await node.ask('/unknown/path', { headers }, version);
    for (const reply of [foreign, decoy])
      assert.ok(!Object.keys(reply.headers).some((name) => name.startsWith('access-control-')));
    for (const reply of [served, refused])
      assert.equal(reply.headers['access-control-allow-credentials'], undefined);
    assert.equal((await node.ask('/call', preflight('https://evil.example'), version)).status, 405);
    assert.equal(
      (await node.ask('/unknown/path', preflight('https://app.example'), version)).headers['server'],
      'nginx',
    );
    const own = await node.ask('/raw/own/cors', preflight('https://app.example'), version);
    assert.deepEqual(
      [own.text, own.headers['access-control-allow-origin']],
      ['OPTIONS', 'https://own.example'],
    );
  }
  await node.configure({ allowedOrigins: ['*'] });
  const any = await node.ask('/lab/echo', { headers: { origin: 'https://any.example' } });
  assert.equal(any.headers['access-control-allow-origin'], '*');
});

test('HTTP-58 /.well-known/alknet tells node id, ALPNs and surfaces', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  const reply = await node.ask('/.well-known/alknet');
  assert.equal(reply.headers['cache-control'], 'max-age=60');
  const told = reply.json() as { node: string; alpns: string[]; surfaces: string[]; webtransport?: unknown };
  assert.equal(told.node, node.node.id);
  assert.ok(told.alpns.includes('h2') && told.alpns.includes('http/1.1'));
  const offered = new Set(node.node.status().listeners.flatMap(({ alpns }) => alpns));
  assert.deepEqual(new Set(told.alpns), offered);
  assert.ok(told.surfaces.includes('gateway') && told.surfaces.includes('direct'));
  // No certificate by hash is served without h3, so none is told.
  assert.equal('webtransport' in told, offered.has('h3'));
  await node.configure({ gateway: false });
  const fewer = (await node.ask('/.well-known/alknet')).json() as { surfaces: string[] };
  assert.ok(!fewer.surfaces.includes('gateway') && fewer.surfaces.includes('direct'));
  await node.configure({ wellKnown: false });
  assert.equal((await node.ask('/.well-known/alknet')).headers['server'], 'nginx');
});

test('HTTP-59 /metrics is the decoy by default; switched on it is 401, 403, or Prometheus text', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  const reader = await node.grant('reader', ['host:metrics']);
  const poor = await node.grant('poor');
  assert.equal((await node.ask('/metrics', { token: reader })).headers['server'], 'nginx');
  await node.configure({ metrics: true });
  assert.equal((await node.ask('/metrics')).status, 401);
  assert.equal((await node.ask('/metrics', { token: poor })).status, 403);
  await node.ask('/lab/echo');
  const reply = await node.ask('/metrics', { token: reader });
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const names = new Set<string>();
  const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"`;
  const sample = new RegExp(
    String.raw`^([a-z_]+)(\{${label}(?:,${label})*\})? -?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf)$`,
  );
  for (const line of reply.text.trimEnd().split('\n')) {
    if (/^# (HELP|TYPE) [a-z_]+ /.test(line)) continue;
    const [, name] = sample.exec(line) ?? [];
    assert.ok(name, line);
    names.add(name);
  }
  for (const name of [
    'alknet_http_requests_total',
    'alknet_http_request_seconds_bucket',
    'alknet_operations_total',
    'alknet_operation_seconds_sum',
    'alknet_connections',
  ])
    assert.ok(names.has(name), `${name} of ${[...names].join(' ')}`);
  assert.match(reply.text, /alknet_operations_total\{operation="lab\/echo",outcome="ok"\} \d+/);
  assert.ok(!reply.text.includes('127.0.0.1') && !reply.text.includes('reader'));
  const stream = await node.socket();
  stream.write('GET /lab/silent HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  await eventually('the gauge', async () =>
    /alknet_http_streams\{kind="sse"\} 1/.test((await node.ask('/metrics', { token: reader })).text),
  );
  stream.destroy();
});
