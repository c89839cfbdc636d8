import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type HttpNode, type HttpNodeOptions, httpNode } from '../node.ts';
import { document, ok, remote } from './harness.ts';

interface Adapter {
  readonly namespace: string;
  readonly kind: string;
  readonly state: string;
  readonly operations: number;
  readonly importedAt?: string;
  readonly error?: string;
}

interface Admin extends HttpNode {
  adapters(): Promise<Adapter[]>;
  adapter(namespace: string): Promise<Adapter>;
  until(condition: (adapters: Adapter[]) => boolean): Promise<Adapter[]>;
  refresh(namespace: string): Promise<{ status: number; body: Record<string, unknown> }>;
}

async function admin(t: TestContext, options: HttpNodeOptions): Promise<Admin> {
  const node = await httpNode(options);
  t.after(() => node.stop());
  const token = await node.grant('ada', ['admin']);
  const adapters = async () =>
    ((await node.ask('/http/adapters/list', { token })).json() as { adapters: Adapter[] }).adapters;
  return {
    ...node,
    adapters,
    adapter: async (namespace) => {
      const found = (await adapters()).find((each) => each.namespace === namespace);
      return found ?? assert.fail(`no adapter ${namespace}`);
    },
    until: async (condition) => {
      for (;;) {
        const all = await adapters();
        if (condition(all)) return all;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    refresh: async (namespace) => {
      const { status, text } = await node.ask('/http/adapters/refresh', { token, json: { namespace } });
      return { status, body: JSON.parse(text) };
    },
  };
}

const get = (operationId: string) => ({ get: { operationId, ...ok } });
const entry = (more: object) => ({
  kind: 'openapi',
  namespace: 'far',
  visibility: 'external',
  retries: 0,
  ...more,
});
const ready = (adapters: Adapter[]) =>
  adapters.length > 0 && adapters.every(({ state }) => state === 'ready');

/** A server on a port of its own that can go and come back. */
async function serverAt(port: number, listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('HTTP-111 a changed source file replaces the operations within 2 s without disturbing calls in flight; a broken one keeps the old set', async (t) => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived: () => void = () => {};
  const here = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { url } = await remote(t, async (request, response) => {
    if (request.url === '/slow') {
      arrived();
      await held;
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url));
  });
  const directory = await mkdtemp(join(tmpdir(), 'alknet-life-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'api.json');
  const write = async (paths: object) => {
    await writeFile(`${path}.new`, JSON.stringify(document(paths as never)));
    await rename(`${path}.new`, path);
  };
  await write({ '/slow': get('slow'), '/old': get('old') });
  const node = await admin(t, { config: { adapters: [entry({ source: path, baseUrl: url })] } });
  await node.until(ready);
  assert.equal((await node.ask('/far/old')).text, '"/old"');
  const inFlight = node.ask('/far/slow');
  await here;

  const begun = performance.now();
  await write({ '/new': get('new') });
  while ((await node.ask('/far/new')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(performance.now() - begun < 2000, `${performance.now() - begun} ms`);
  assert.equal((await node.ask('/far/old')).status, 404);
  release();
  assert.deepEqual(await inFlight.then(({ status, text }) => [status, text]), [200, '"/slow"']);

  await writeFile(path, '{ "openapi": "3.1.0", "info"');
  const [broken] = await node.until(([each]) => each?.state === 'failed');
  assert.match(broken?.error ?? '', /SchemaParse: far: neither JSON/);
  assert.equal(broken?.operations, 1);
  assert.equal((await node.ask('/far/new')).text, '"/new"');
  await write({ '/again': get('again') });
  await node.until(ready);
  assert.equal((await node.ask('/far/again')).status, 200);
});

test('HTTP-112 a remote that is down at start delays nothing, is shown as failed, and is imported when it comes up', async (t) => {
  const first = await serverAt(0, () => {});
  const { port } = first.address() as AddressInfo;
  first.close();
  await once(first, 'close');
  const source = `http://127.0.0.1:${port}/openapi.json`;
  const begun = performance.now();
  const node = await admin(t, { config: { adapters: [entry({ source })] } });
  assert.ok(performance.now() - begun < 5000);
  const [failed] = await node.until(([each]) => each?.state === 'failed');
  assert.equal(failed?.operations, 0);
  assert.match(failed?.error ?? '', new RegExp(`^Transport: far: ${source}: no answer from .*ECONNREFUSED`));
  assert.equal(
    node
      .log()
      .some(({ event, msg, namespace }) => (event ?? msg) === 'adapter not imported' && namespace === 'far'),
    true,
  );

  const server = await serverAt(port, (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(document({ '/a': get('a') })));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // The next attempt is 5 s after the first.
  const [up] = await node.until(ready);
  assert.equal(up?.operations, 1);
  assert.equal(up?.error, undefined);
  assert.equal((await node.ask('/far/a')).status, 200);
});

test('a URL is asked with If-None-Match and If-Modified-Since, and 304 leaves the set; list and refresh tell what happened', async (t) => {
  let body = JSON.stringify(document({ '/a': get('a') }));
  let status = 200;
  let tells = true;
  const conditions: unknown[] = [];
  const { url } = await remote(t, (request, response) => {
    conditions.push([request.headers['if-none-match'], request.headers['if-modified-since']]);
    if (!tells) return void response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    const tag = `"${body.length}"`;
    const modified = 'Thu, 01 Jan 2026 00:00:00 GMT';
    if (request.headers['if-none-match'] === tag) response.writeHead(304).end();
    else
      response
        .writeHead(status, { 'content-type': 'application/json', etag: tag, 'last-modified': modified })
        .end(body);
  });
  const node = await admin(t, {
    config: { adapters: [entry({ source: `${url}/openapi.json`, refresh: 0 })] },
  });
  const [first] = await node.until(ready);
  assert.deepEqual([first?.namespace, first?.kind, first?.operations], ['far', 'openapi', 1]);
  assert.ok(Date.parse(first?.importedAt ?? '') > 0);
  assert.deepEqual(await node.refresh('far'), { status: 200, body: { operations: 1 } });
  assert.equal((await node.adapter('far')).importedAt, first?.importedAt);
  assert.deepEqual(conditions, [
    [undefined, undefined],
    [`"${body.length}"`, 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ]);
  // A server that tells of no version: the text does.
  tells = false;
  assert.deepEqual(await node.refresh('far'), { status: 200, body: { operations: 1 } });
  assert.equal((await node.adapter('far')).importedAt, first?.importedAt);
  body = JSON.stringify(document({ '/a': get('a'), '/b': get('b') }));
  assert.deepEqual(await node.refresh('far'), { status: 200, body: { operations: 2 } });
  for (const [code, reason] of [
    [401, 'Unauthorized'],
    [500, 'DiscoveryFailed'],
  ] as const) {
    status = code;
    body += ' ';
    const failed = await node.refresh('far');
    assert.equal(failed.status, 502);
    assert.equal(failed.body['code'], 'ADAPTER_FAILED');
    assert.deepEqual(failed.body['details'], { code: reason });
    assert.equal((await node.adapter('far')).operations, 2);
  }
  assert.equal((await node.refresh('none')).status, 404);
  const anonymous = await node.ask('/http/adapters/list');
  assert.equal(anonymous.status, 401);
});

test('a changed entry imports again in one step, a removed one takes its operations away, a bad one is refused and the old stays', async (t) => {
  const { url } = await remote(t);
  const source = document({ '/a': get('a') });
  const node = await admin(t, { config: { adapters: [entry({ source, baseUrl: `${url}/one` })] } });
  await node.until(ready);
  const path = async () => ((await node.ask('/far/a')).json() as { path: string }).path;
  assert.equal(await path(), '/one/a');
  await node.configure({ adapters: [entry({ source, baseUrl: `${url}/two` })] });
  while ((await path()) !== '/two/a') await new Promise((resolve) => setTimeout(resolve, 5));
  const bad: [object[], RegExp][] = [
    [
      [entry({ source, baseUrl: url }), entry({ source, baseUrl: url })],
      /adapters\[1\]\.namespace.*one adapter a namespace/,
    ],
    [[entry({ source, baseUrl: 'ftp://x' })], /far: baseUrl/],
    [[entry({ source, baseUrl: url, auth: { kind: 'bearer' } })], /auth\.secret/],
    [[entry({ source, baseUrl: url, headers: { Host: 'x' } })], /headers: Host/],
  ];
  for (const [adapters, message] of bad) {
    await node.configure({ adapters });
    assert.equal(await path(), '/two/a');
    const kept = node.log().filter((line) => JSON.stringify(line).includes('plugin kept its configuration'));
    assert.match(JSON.stringify(kept.at(-1)), message);
  }
  await node.configure({ adapters: [] });
  const gone = await node.ask('/far/a');
  assert.equal(gone.status, 404);
  assert.deepEqual(await node.adapters(), []);
});

test('what was read and could not be registered is read again, though its source says that nothing changed', async (t) => {
  const other = { '/a': get('a') };
  const { url } = await remote(t, (request, response) => {
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
    else
      response
        .writeHead(200, { 'content-type': 'application/json', etag: '"1"' })
        .end(JSON.stringify(document(other)));
  });
  const adapters = [entry({ namespace: 'lab', source: `${url}/openapi.json` })];
  const node = await admin(t, { config: { adapters } });
  await node.until(([each]) => each?.state === 'failed');
  for (let i = 0; i < 2; i++) {
    const { status, body } = await node.refresh('lab');
    assert.deepEqual([status, body['details']], [502, { code: 'Collision' }]);
    assert.equal((await node.adapter('lab')).state, 'failed');
  }
});

test('HTTP-113 replacing client settings breaks no call in flight', async (t) => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived: () => void = () => {};
  const here = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { url, requests } = await remote(t, async (request, response) => {
    if (request.url === '/slow') {
      response.setHeader('content-type', 'application/json');
      response.write('"held');
      arrived();
      await held;
      response.end('"');
      return;
    }
    response.setHeader('content-type', 'application/json').end('1');
  });
  const adapters = [entry({ source: document({ '/slow': get('slow'), '/a': get('a') }), baseUrl: url })];
  const node = await admin(t, { config: { adapters } });
  await node.until(ready);
  const inFlight = node.ask('/far/slow');
  await here;
  await node.configure({ adapters, client: { connections: 2 } });
  assert.equal((await node.ask('/far/a')).text, '1');
  release();
  assert.equal((await inFlight).text, '"held"');
  assert.equal(requests.length, 2);
});

test('two adapters of different kinds, one that fails: the others serve, metrics tell of each', async (t) => {
  const { url } = await remote(t);
  const node = await admin(t, {
    config: {
      metrics: true,
      adapters: [
        entry({ source: document({ '/a': get('a') }), baseUrl: url }),
        entry({ namespace: 'lab', source: document({ '/a': get('a') }), baseUrl: url }),
        {
          kind: 'jsonschema',
          namespace: 'one',
          visibility: 'external',
          baseUrl: url,
          method: 'GET',
          path: '/v1/{city}',
          operation: {
            name: 'weather',
            type: 'query',
            input: {
              type: 'object',
              properties: { city: { type: 'string' }, days: { type: 'integer' } },
              required: ['city'],
            },
            output: {},
          },
        },
      ],
    },
  });
  const all = await node.until((adapters) => adapters.every(({ state }) => state !== 'importing'));
  assert.deepEqual(
    all.map(({ namespace, state }) => [namespace, state]),
    [
      ['far', 'ready'],
      ['lab', 'failed'],
      ['one', 'ready'],
    ],
  );
  assert.match(all[1]?.error ?? '', /Collision.*lab/);
  assert.equal((await node.ask('/far/a')).status, 200);
  assert.deepEqual((await node.ask('/one/weather?city=a%20b&days=2')).json(), {
    method: 'GET',
    path: '/v1/a%20b?days=2',
  });
  const metrics = await node.ask('/metrics', { token: await node.grant('prom', ['host:metrics']) });
  if (metrics.status === 200) {
    assert.match(metrics.text, /alknet_adapter_operations\{namespace="far"\} 1/);
    assert.match(metrics.text, /alknet_adapter_requests_total\{namespace="one",status="200"\} 1/);
  }
});
