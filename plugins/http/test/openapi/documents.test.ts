import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type HttpNode, type HttpNodeOptions, httpNode } from '../node.ts';
import { shop } from './shop.ts';

type Json = Record<string, unknown>;

interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string; readonly title: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Json; readonly responses: Json };
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Json[];
  readonly requestBody?: { readonly required: boolean; readonly content: Json };
  readonly responses: Readonly<Record<string, Json>>;
  readonly security: readonly Json[];
  readonly 'x-alknet': Json;
}

async function nodeWithShop(t: TestContext, options: HttpNodeOptions = {}): Promise<HttpNode> {
  const node = await httpNode({ ...options, plugins: { shop, ...options.plugins } });
  t.after(() => node.stop());
  return node;
}

async function documentOf(node: HttpNode, token?: string): Promise<Document> {
  const { status, text } = await node.ask('/openapi.json', token === undefined ? {} : { token });
  assert.equal(status, 200);
  return JSON.parse(text);
}

function operationAt(document: Document, path: string): Operation {
  const [operation, ...others] = Object.values(document.paths[path] ?? {});
  assert.ok(operation !== undefined && others.length === 0, path);
  return operation;
}

test('HTTP-83 /openapi/gateway.json has exactly five paths and version 1.0.0; adding operations and changing caller leave its bytes alone', async (t) => {
  const node = await nodeWithShop(t);
  const admin = await node.grant('ada', ['admin', 'shop:buy']);
  const answers = [
    await node.ask('/openapi/gateway.json'),
    await node.ask('/openapi/gateway.json', { token: admin }),
  ];
  const other = await httpNode();
  t.after(() => other.stop());
  answers.push(await other.ask('/openapi/gateway.json', {}, 'h2'));
  const [{ status, headers, text } = assert.fail()] = answers;
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual(new Set(answers.map((answer) => answer.text)), new Set([text]));
  const document: Document = JSON.parse(text);
  assert.equal(document.openapi, '3.0.0');
  assert.deepEqual(document.info.title, 'alknet gateway');
  assert.equal(document.info.version, '1.0.0');
  assert.deepEqual(
    Object.values(document.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    ),
    ['gatewaySearch', 'gatewaySchema', 'gatewayCall', 'gatewayBatch', 'gatewaySubscribe'],
  );
  assert.deepEqual(Object.keys(document.paths), ['/search', '/schema', '/call', '/batch', '/subscribe']);
  assert.deepEqual(Object.keys(document.components.schemas), [
    'CallRequest',
    'CallOk',
    'CallError',
    'SearchResult',
    'SchemaResult',
    'BatchResult',
  ]);
  for (const path of ['/call', '/subscribe']) {
    const expected = ['200', '400', '401', '403', '404', '413', '415', '422', '500', '503', '504', 'default'];
    assert.deepEqual(Object.keys(operationAt(document, path).responses), expected);
  }
  const again = await node.ask('/openapi/gateway.json', {
    headers: { 'if-none-match': headers['etag'] ?? '' },
  });
  assert.equal(again.status, 304);
});

test('HTTP-84 /openapi.json describes exactly the operations of /search for that caller', async (t) => {
  const node = await nodeWithShop(t);
  const buyer = await node.grant('bob', ['shop:buy']);
  const admin = await node.grant('ada', ['admin', 'host:admin', 'shop:buy', 'lab:admin']);
  const sizes: number[] = [];
  for (const token of [undefined, buyer, admin]) {
    const search = await node.ask('/search?limit=1000', token === undefined ? {} : { token });
    const { output } = search.json() as { output: { operations: { name: string }[] } };
    const document = await documentOf(node, token);
    const described = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map((operation) => operation['x-alknet']['name']),
    );
    assert.deepEqual(described.sort(), output.operations.map(({ name }) => name).sort());
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document.servers, [{ url: node.url }]);
    sizes.push(described.length);
  }
  assert.ok((sizes[0] ?? 0) < (sizes[1] ?? 0) && (sizes[1] ?? 0) < (sizes[2] ?? 0), String(sizes));
  assert.equal('/shop/inner' in (await documentOf(node, admin)).paths, false);
});

test('HTTP-84 method, parameters, body, answers, security and hints of each shape stand as the specification says', async (t) => {
  const node = await nodeWithShop(t);
  const document = await documentOf(node, await node.grant('bob', ['shop:buy']));
  const list = operationAt(document, '/shop/list');
  assert.deepEqual(Object.keys(document.paths['/shop/list'] ?? {}), ['get']);
  assert.equal(list.operationId, 'shop.list');
  assert.deepEqual(list.tags, ['shop']);
  assert.equal(list.summary, 'List items');
  assert.equal(list.description, 'Lists items.\nWith a second line.');
  assert.deepEqual(
    list.parameters?.map(({ name, required }) => [name, required]),
    [
      ['words', true],
      ['limit', false],
      ['sold', false],
      ['price', false],
      ['kind', false],
    ],
  );
  assert.deepEqual(list.parameters?.[1], {
    name: 'limit',
    in: 'query',
    required: false,
    style: 'form',
    explode: true,
    description: 'at most',
    schema: { type: 'integer', minimum: 1, description: 'at most' },
  });
  assert.deepEqual(list.security, [{}, { bearer: [] }]);
  assert.deepEqual(Object.keys(list.responses), ['200', '404', '422', '500', '504']);
  assert.deepEqual(list['x-alknet'], {
    name: 'shop/list',
    type: 'query',
    openWorld: false,
    input: { type: 'object', required: ['words'], additionalProperties: false, description: 'What to list.' },
  });
  const buy = operationAt(document, '/shop/buy');
  assert.deepEqual(Object.keys(document.paths['/shop/buy'] ?? {}), ['post']);
  assert.equal(buy.requestBody?.required, true);
  assert.deepEqual(buy.security, [{ bearer: [] }]);
  assert.deepEqual(buy['x-alknet'], {
    name: 'shop/buy',
    type: 'mutation',
    destructive: true,
    idempotent: false,
  });
  const methods = ['/shop/find', '/shop/scalar', '/shop/watch', '/shop/follow', '/shop/tree'].map((path) =>
    Object.keys(document.paths[path] ?? {}),
  );
  assert.deepEqual(methods, [['post'], ['post'], ['get'], ['post'], ['post']]);
  const watch = operationAt(document, '/shop/watch').responses['200'] as { content: Json };
  assert.deepEqual(Object.keys(watch.content), ['text/event-stream']);
  const pair = operationAt(document, '/shop/pair').requestBody?.content as {
    'application/json': { schema: { properties: Json } };
  };
  assert.deepEqual((pair['application/json'].schema.properties['pair'] as Json)['prefixItems'], [
    { type: 'string' },
    { type: 'integer' },
  ]);
});

test("HTTP-86 declared error statuses appear on their operation only; HTTP_404 stands beside the protocol's 404; errors without status in text only", async (t) => {
  const node = await nodeWithShop(t);
  const document = await documentOf(node, await node.grant('bob', ['shop:buy']));
  type Answer = {
    description: string;
    content: { 'application/json': { schema: Json & { oneOf?: { title: string; properties: Json }[] } } };
  };
  const responses = operationAt(document, '/shop/buy').responses as Record<string, Answer>;
  assert.deepEqual(Object.keys(responses), ['200', '401', '403', '404', '409', '422', '500', '504']);
  const soldOut = responses['409']?.content['application/json'].schema;
  assert.ok(soldOut !== undefined);
  assert.deepEqual(
    [soldOut['title'], (soldOut['properties'] as Json)['code']],
    ['SOLD_OUT', { type: 'string', enum: ['SOLD_OUT'] }],
  );
  const { details } = soldOut['properties'] as { details: Json };
  assert.deepEqual(details['properties'], { until: { type: 'string' } });
  assert.deepEqual(
    responses['404']?.content['application/json'].schema.oneOf?.map(({ title }) => title),
    ['NOT_FOUND', 'HTTP_404'],
  );
  assert.match(responses['500']?.description ?? '', /SHOP_CLOSED: Come back later\./);
  assert.equal(JSON.stringify(responses['500']?.content).includes('SHOP_CLOSED'), false);
  for (const [path, item] of Object.entries(document.paths)) {
    if (path === '/shop/buy') continue;
    for (const { responses: others } of Object.values(item))
      assert.equal(JSON.stringify(others).includes('SOLD_OUT'), false, path);
  }
});

test('HTTP-85 its version is the registry revision: adding, removing or changing an operation changes it, a call does not', async (t) => {
  const node = await nodeWithShop(t);
  const version = async () => (await documentOf(node)).info.version;
  const revision = async () =>
    ((await node.ask('/services/list?limit=1')).json() as { revision: string }).revision;
  const first = await version();
  assert.equal(first, await revision());
  assert.equal((await node.ask('/shop/now')).text, '"now"');
  assert.equal(await version(), first);
  const seen = new Set([first]);
  const adapters = (paths: object) =>
    node.configure({
      adapters: [
        {
          kind: 'openapi',
          namespace: 'extra',
          visibility: 'external',
          baseUrl: 'https://x.example',
          source: { openapi: '3.1.0', info: {}, paths },
        },
      ],
    });
  const get = (operationId: string, description = '') => ({ get: { operationId, description } });
  for (const paths of [
    { '/a': get('a') },
    { '/a': get('a'), '/b': get('b') },
    { '/a': get('a', 'changed'), '/b': get('b') },
    { '/b': get('b') },
  ]) {
    await adapters(paths);
    for (let next = await version(); ; next = await version()) {
      if (seen.has(next)) continue;
      seen.add(next);
      break;
    }
  }
  assert.equal(seen.size, 5);
});

test("HTTP-88 If-None-Match with the current tag is 304; another caller's tag is not", async (t) => {
  const node = await nodeWithShop(t);
  const buyer = await node.grant('bob', ['shop:buy']);
  const mine = await node.ask('/openapi.json', { token: buyer });
  const theirs = await node.ask('/openapi.json');
  assert.equal(mine.headers['cache-control'], 'private, no-cache');
  assert.match(mine.headers['vary'] ?? '', /Authorization/);
  const tags = { mine: mine.headers['etag'] ?? '', theirs: theirs.headers['etag'] ?? '' };
  assert.notEqual(tags.mine, tags.theirs);
  const ask = (tag: string) => node.ask('/openapi.json', { token: buyer, headers: { 'if-none-match': tag } });
  for (const tag of [tags.mine, `"x", W/${tags.mine}`, '*']) {
    const { status, text, headers } = await ask(tag);
    assert.deepEqual([status, text, headers['etag']], [304, '', tags.mine]);
  }
  for (const tag of [tags.theirs, '"x"', tags.mine.slice(1, -1)]) assert.equal((await ask(tag)).status, 200);
  const head = await node.ask('/openapi.json', { method: 'HEAD', token: buyer });
  assert.deepEqual([head.status, head.text, head.headers['etag']], [200, '', tags.mine]);
});

test('a document that is switched off is the decoy', async (t) => {
  const node = await nodeWithShop(t, { config: { gateway: false, direct: false } });
  for (const path of ['/openapi.json', '/openapi/gateway.json']) {
    const { status, headers } = await node.ask(path);
    assert.deepEqual([status, headers['server']], [404, 'nginx']);
  }
});
