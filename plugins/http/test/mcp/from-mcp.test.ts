/** `fromMCP` against real MCP servers, in a real registry. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { AdapterError, Capabilities } from '@alknet/sdk';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { type FromMcpOptions, fromMCP, type McpAdapter } from '../../src/adapters/mcp/from-mcp.ts';
import { ContentBlocks } from '../../src/mcp/content-blocks.ts';
import { client, type Imported, published } from '../adapters/harness.ts';
import { everythingServer } from './everything-server.ts';
import { httpServer, mcpServer, rawMcpServer, tool } from './mcp-server.ts';

function adapterOf(t: TestContext, endpoint: string, options: Partial<FromMcpOptions> = {}): McpAdapter {
  const adapter = fromMCP({
    namespace: 'far',
    endpoint,
    visibility: 'external',
    client: client(t),
    ...options,
  });
  t.after(() => adapter.close());
  return adapter;
}

interface More extends Partial<FromMcpOptions> {
  readonly secrets?: Readonly<Record<string, string>>;
}

async function imported(
  t: TestContext,
  endpoint: string,
  { secrets = {}, ...options }: More = {},
): Promise<Imported> {
  let capabilities = new Capabilities();
  for (const [name, value] of Object.entries(secrets)) capabilities = capabilities.withApiKey(name, value);
  return published(
    t,
    adapterOf(t, endpoint, { capabilities: () => capabilities, ...options }),
    'far',
    secrets,
  );
}

const text = (words: string): CallToolResult => ({ content: [{ type: 'text', text: words }] });

test('HTTP-117 fromMCP imports tools of all pages as Internal mutations with their schemas', async (t) => {
  const inputSchema = { type: 'object' as const, properties: { n: { type: 'integer' } }, required: ['n'] };
  const outputSchema = { type: 'object' as const, properties: { twice: { type: 'integer' } } };
  const pages = [
    {
      tools: [
        tool('double', {
          title: 'Double',
          description: 'Doubles a number.',
          inputSchema,
          outputSchema,
          annotations: { destructiveHint: false, idempotentHint: true, openWorldHint: false },
        }),
      ],
      nextCursor: '1',
    },
    { tools: [tool('a b'), tool('a_b'), tool('deep/er')], nextCursor: '2' },
    { tools: [tool('last', { description: 'x'.repeat(5000), annotations: { title: 'Last' } })] },
  ];
  const server = await mcpServer(t, { list: (cursor) => pages[Number(cursor ?? 0)] ?? { tools: [] } });
  const registrations = await adapterOf(t, server.endpoint, { visibility: undefined }).import();
  assert.deepEqual(
    registrations.map(({ operation: { name } }) => name),
    ['far/double', 'far/a_b', 'far/a_b_2', 'far/deep/er', 'far/last'],
  );
  for (const { operation, source } of registrations) {
    assert.equal(operation.type, 'mutation');
    assert.equal(operation.visibility, 'internal');
    assert.equal(operation.access, 'public');
    assert.deepEqual(
      operation.errors?.map(({ code, httpStatus }) => ({ code, httpStatus })),
      [{ code: 'MCP_TOOL_ERROR', httpStatus: undefined }],
    );
    assert.equal(source, server.endpoint);
  }
  const [double, other] = registrations.map(({ operation }) => operation);
  assert.deepEqual(double?.input, inputSchema);
  assert.deepEqual(double.output, outputSchema);
  assert.equal(double.title, 'Double');
  assert.equal(double.description, 'Doubles a number.');
  assert.deepEqual([double.destructive, double.idempotent, double.openWorld], [false, true, false]);
  assert.deepEqual(other?.output, ContentBlocks);
  const last = registrations.at(-1)?.operation;
  assert.equal(last?.title, 'Last');
  assert.equal(last.description?.length, 2000);

  const chosen = await adapterOf(t, server.endpoint, { include: ['a*', 'last'], exclude: ['*_2'] }).import();
  assert.deepEqual(
    chosen.map(({ operation: { name } }) => name),
    ['far/a_b', 'far/last'],
  );
});

test('HTTP-117 each tool of server-everything is imported and can be called', async (t) => {
  const { endpoint } = await everythingServer(t);
  const { names, call, registry } = await imported(t, endpoint.href);
  const inputs: Readonly<Record<string, unknown>> = {
    echo: { message: 'hi' },
    'get-sum': { a: 1, b: 2 },
    'get-structured-content': { location: 'New York' },
    'get-annotated-message': { messageType: 'success', includeImage: true },
    'get-resource-links': { count: 2 },
    'get-resource-reference': { resourceType: 'Text', resourceId: 1 },
    'trigger-long-running-operation': { duration: 0.2, steps: 2 },
    'gzip-file-as-resource': { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resource' },
  };
  const types: Record<string, string> = {};
  for (const name of names) {
    const short = name.slice('far/'.length);
    const output = await call(short, inputs[short] ?? {});
    types[short] = Array.isArray(output)
      ? [...new Set(output.map((block: { type: string }) => block.type))].join(' ')
      : JSON.stringify(Object.keys(output as object).sort());
  }
  // `simulate-research-query` is run as a task only, and left out.
  assert.deepEqual(types, {
    echo: 'text',
    'get-annotated-message': 'text image',
    'get-env': 'text',
    'get-resource-links': 'text resource_link',
    'get-resource-reference': 'text resource',
    'get-structured-content': '["conditions","humidity","temperature"]',
    'get-sum': 'text',
    'get-tiny-image': 'text image',
    'gzip-file-as-resource': 'resource',
    'toggle-simulated-logging': 'text',
    'toggle-subscriber-updates': 'text',
    'trigger-long-running-operation': 'text',
  });
  assert.deepEqual(await call('echo', { message: 'hello' }), [{ type: 'text', text: 'Echo: hello' }]);
  assert.equal(registry.base.get('far/echo')?.operation.type, 'mutation');
  await assert.rejects(call('echo', {}), { code: 'INVALID_INPUT' });
});

test('HTTP-118 isError is MCP_TOOL_ERROR with the blocks as details; structured content is preferred', async (t) => {
  const failed = [
    { type: 'image' as const, data: '', mimeType: 'image/png' },
    { type: 'text' as const, text: 'out of paper' },
  ];
  const results: Record<string, CallToolResult> = {
    fails: { content: failed, isError: true },
    silent: { content: [], isError: true },
    weighs: { content: [{ type: 'text', text: '{"kg":3}' }], structuredContent: { kg: 3 } },
    says: { content: [{ type: 'text', text: 'yes' }], structuredContent: { undeclared: true } },
    hollow: { content: [{ type: 'text', text: 'no structure' }] },
  };
  const structured = { outputSchema: { type: 'object' as const, properties: { kg: { type: 'number' } } } };
  const server = await mcpServer(t, {
    list: () => ({
      tools: [
        tool('fails'),
        tool('silent'),
        tool('weighs', structured),
        tool('says'),
        tool('hollow', structured),
      ],
    }),
    call: async (name) => results[name] ?? text('?'),
  });
  const { call } = await imported(t, server.endpoint);
  await assert.rejects(call('fails', {}), {
    code: 'MCP_TOOL_ERROR',
    message: 'out of paper',
    details: failed,
    retryable: false,
  });
  await assert.rejects(call('silent', {}), { code: 'MCP_TOOL_ERROR', message: 'tool failed', details: [] });
  assert.deepEqual(await call('weighs', {}), { kg: 3 });
  assert.deepEqual(await call('says', {}), [{ type: 'text', text: 'yes' }]);
  await assert.rejects(call('hollow', {}), { code: 'INTERNAL' });
});

test('HTTP-118 401 and 403 of an import are Unauthorized, what else goes wrong is DiscoveryFailed', async (t) => {
  for (const [status, code] of [
    [401, 'Unauthorized'],
    [403, 'Unauthorized'],
    [404, 'DiscoveryFailed'],
    [500, 'DiscoveryFailed'],
  ] as const) {
    const endpoint = await httpServer(t, (_request, response) => response.writeHead(status).end('go away'));
    const error = await adapterOf(t, endpoint).import().then(unreachable, asAdapterError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, new RegExp(`^far: ${endpoint}: HTTP ${status}: `));
  }
  const closed = await adapterOf(t, 'http://127.0.0.1:9/mcp').import().then(unreachable, asAdapterError);
  assert.equal(closed.code, 'DiscoveryFailed');
  assert.match(closed.message, /ECONNREFUSED/);
});

test('HTTP-119 a stdio entry is refused by name', () => {
  for (const entry of [
    { command: 'mcp-server', args: [] },
    { args: ['x'] },
    { endpoint: 'https://far.example/mcp', command: 'mcp-server' },
    { endpoint: 'https://far.example/mcp', env: {} },
    { transport: 'stdio' },
  ]) {
    assert.throws(() => fromMCP({ namespace: 'far', ...entry }), {
      code: 'AdapterConfig',
      message: 'far: MCP over stdio is not supported; give an endpoint',
    });
  }
  const refused = (endpoint: string | undefined, why: RegExp) =>
    assert.throws(() => fromMCP({ namespace: 'far', endpoint }), { code: 'AdapterConfig', message: why });
  refused(undefined, /far: endpoint: expected the URL/);
  refused('far', /far: endpoint: expected a URL/);
  refused('http://far.example/mcp', /expected https, or http to a loopback address/);
  refused('https://ada:secret@far.example/mcp', /expected a URL without a user/);
  assert.throws(() => fromMCP({ namespace: 'far', endpoint: 'https://far.example', ...{ speed: 1 } }), {
    message: /unknown member speed/,
  });
});

test('arguments are the input when that is an object, and {value} otherwise', async (t) => {
  const got: unknown[] = [];
  const endpoint = await rawMcpServer(t, ({ method, params }) => {
    if (method === 'tools/list') return { tools: [{ name: 'take', inputSchema: {} }] };
    got.push(params?.arguments);
    return text('ok');
  });
  const { call } = await imported(t, endpoint);
  for (const input of [{ a: [1, { b: 2 }] }, {}, 'word', [1], null]) await call('take', input);
  assert.deepEqual(got, [{ a: [1, { b: 2 }] }, {}, { value: 'word' }, { value: [1] }, { value: null }]);
});

test('an abort of the call cancels it at the server, and frees its connection', async (t) => {
  let running = 0;
  let cancelled = 0;
  const server = await mcpServer(t, {
    list: () => ({ tools: [tool('wait')] }),
    call: (_name, _args, signal) =>
      new Promise((_, reject) => {
        running++;
        signal.addEventListener('abort', () => {
          cancelled++;
          reject(new Error('cancelled'));
        });
      }),
  });
  const { call } = await imported(t, server.endpoint);
  // More than the pool has connections to one origin.
  for (let n = 1; n <= 80; n++) {
    const abort = new AbortController();
    const waiting = call('wait', {}, { signal: abort.signal });
    while (running < n) await new Promise((resolve) => setTimeout(resolve, 2));
    abort.abort();
    await assert.rejects(waiting, { code: 'ABORTED' });
  }
  while (cancelled < 80) await new Promise((resolve) => setTimeout(resolve, 2));
  await assert.rejects(call('wait', {}, { timeoutMs: 50 }), { code: 'TIMEOUT' });
  while (cancelled < 81) await new Promise((resolve) => setTimeout(resolve, 2));
});

test('a server that was started anew gets a new session, and the call goes through', async (t) => {
  const server = await mcpServer(t, {
    list: () => ({ tools: [tool('echo')] }),
    call: async () => text('here'),
  });
  const { call } = await imported(t, server.endpoint);
  assert.deepEqual(await call('echo', {}), text('here').content);
  for (const status of [404, 400] as const) {
    server.forget(status);
    assert.deepEqual(await call('echo', {}), text('here').content);
  }
  assert.equal(server.sessions, 3);
});

test('a call whose connection breaks is INTERNAL, is not sent again, and the next one works', async (t) => {
  let calls = 0;
  const endpoint = await rawMcpServer(t, ({ method }, response) => {
    if (method === 'tools/list') return { tools: [tool('once')] };
    calls++;
    if (calls > 3) return text('back');
    if (calls === 1) return void response.destroy();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // In the middle of the answer, and at its proper end without one.
    if (calls === 2) response.write('data: {', () => response.destroy());
    else response.end(': nothing\n\n');
    return undefined;
  });
  const { call } = await imported(t, endpoint);
  for (const times of [1, 2, 3]) {
    await assert.rejects(call('once', {}), { code: 'INTERNAL' });
    assert.equal(calls, times);
  }
  assert.deepEqual(await call('once', {}), text('back').content);
});

test('the credential is read at each request, stands in no error, and its absence sends nothing', async (t) => {
  const secret = 'hunter2-hunter2';
  const server = await mcpServer(t, {
    list: () => ({ tools: [tool('leaks')] }),
    call: async () => ({ content: [{ type: 'text', text: `you said ${secret}` }], isError: true }),
  });
  const auth = { kind: 'bearer', secret: 'far-token' } as const;
  const { call } = await imported(t, server.endpoint, {
    auth,
    headers: { 'X-Team': 'blue' },
    secrets: { 'far-token': secret },
  });
  await assert.rejects(call('leaks', {}), (error: Error & { details?: unknown }) => {
    assert.equal(error.message, 'you said [REDACTED]');
    assert.doesNotMatch(JSON.stringify(error.details), /hunter2/);
    return true;
  });
  for (const headers of server.headers) {
    assert.equal(headers.authorization, `Bearer ${secret}`);
    assert.equal(headers['x-team'], 'blue');
    assert.equal(headers['user-agent'], 'alknet');
  }

  let asked = 0;
  const untouched = await httpServer(t, (_request, response) => {
    asked++;
    response.end();
  });
  const error = await adapterOf(t, untouched, { auth }).import().then(unreachable, asAdapterError);
  assert.equal(error.code, 'DiscoveryFailed');
  assert.match(error.message, /credential for far missing/);
  assert.equal(asked, 0);
  const open = await mcpServer(t, { list: () => ({ tools: [tool('free')] }) });
  const optional = await adapterOf(t, open.endpoint, { auth: { ...auth, optional: true } }).import();
  assert.equal(optional.length, 1);
  assert.ok(open.headers.every(({ authorization }) => authorization === undefined));
});

test('an adapter that ends lets calls run to their end, and tells the server that its session is over', async (t) => {
  let answer: (() => void) | undefined;
  const server = await mcpServer(t, {
    list: () => ({ tools: [tool('slow')] }),
    call: () =>
      new Promise((resolve) => {
        answer = () => resolve(text('done'));
      }),
  });
  const adapter = adapterOf(t, server.endpoint);
  const { call } = await published(t, adapter, 'far');
  const slow = call('slow', {});
  while (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
  adapter.close();
  answer();
  assert.deepEqual(await slow, text('done').content);
  while (server.open > 0) await new Promise((resolve) => setTimeout(resolve, 2));
});

// What follows are servers that mean no good.

async function importError(t: TestContext, endpoint: string, options: Partial<FromMcpOptions> = {}) {
  return adapterOf(t, endpoint, options).import().then(unreachable, asAdapterError);
}

test('a list of tools without end is given up, with a word about it', async (t) => {
  const same = await rawMcpServer(t, () => ({ tools: [], nextCursor: 'again' }));
  assert.match((await importError(t, same)).message, /page 1: nextCursor: "again" came before/);
  let page = 0;
  const fresh = await rawMcpServer(t, () => ({ tools: [], nextCursor: `page ${page++}` }));
  assert.match((await importError(t, fresh)).message, /more than 1000 pages/);
  const thousand = Array.from({ length: 1000 }, (_, n) => tool(`t${n}`));
  const many = await rawMcpServer(t, () => ({ tools: thousand, nextCursor: `page ${page++}` }));
  assert.match((await importError(t, many)).message, /more than 10000 tools/);
});

test('values of wrong types are refused with the place named', async (t) => {
  for (const [result, why] of [
    [{}, /page 0: tools: expected a list, found nothing/],
    [{ tools: 'many' }, /tools: expected a list, found "many"/],
    [{ tools: [], nextCursor: 7 }, /nextCursor: expected text, found 7/],
    [{ tools: [null] }, /tool 0: expected an object, found null/],
    [{ tools: [tool('ok'), { inputSchema: {} }] }, /tool 1: name: expected text, found nothing/],
    [{ tools: [tool('x'.repeat(300))] }, /tool 0: name: expected at most/],
    [{ tools: [{ name: 'x' }] }, /tool "x": inputSchema: expected a JSON Schema, found nothing/],
    [
      { tools: [{ name: 'x', inputSchema: { type: 'nonsense' } }] },
      /tool "x": inputSchema: .*exclude leaves/,
    ],
    [
      { tools: [tool('x', { outputSchema: [] as never })] },
      /tool "x": outputSchema: expected a JSON Schema, found \[\]/,
    ],
    ['text', /DiscoveryFailed/],
    [null, /DiscoveryFailed/],
  ] as const) {
    const endpoint = await rawMcpServer(t, () => result);
    const error = await importError(t, endpoint, { timeout: 500 });
    assert.equal(error.code, 'DiscoveryFailed');
    assert.match(`${error.code} ${error.message}`, why);
  }
});

test('an answer that is too large is refused, in one piece or without end', async (t) => {
  const large = 'x'.repeat(200_000);
  const whole = await rawMcpServer(t, () => ({ tools: [tool('x', { description: large })] }));
  assert.match((await importError(t, whole, { maxResponse: 100_000 })).message, /response too large/);

  const endless = await rawMcpServer(t, ({ method }, response) => {
    if (method === 'tools/list') return { tools: [tool('pour')] };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    pour(response, 'data: ');
    return undefined;
  });
  const { call } = await imported(t, endless, { maxResponse: 1_000_000 });
  await assert.rejects(call('pour', {}), { code: 'INTERNAL', message: /response too large/ });
});

test('a server that never answers is given up at the time limit', async (t) => {
  const silent = await httpServer(t, () => {});
  const error = await importError(t, silent, { timeout: 200 });
  assert.equal(error.code, 'DiscoveryFailed');
  assert.match(error.message, /timed out/i);
  const half = await rawMcpServer(t, ({ method }, response) => {
    if (method === 'tools/list') return { tools: [tool('wait')] };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': still here\n\n');
    return undefined;
  });
  const { call } = await imported(t, half);
  await assert.rejects(call('wait', {}, { timeoutMs: 100 }), { code: 'TIMEOUT' });
});

test('a redirect is not followed, and the credential goes nowhere else', async (t) => {
  const elsewhere: unknown[] = [];
  const other = await httpServer(t, (request, response) => {
    elsewhere.push(request.url);
    response.end();
  });
  const location = other.replace('/mcp', '/else?token=1');
  const endpoint = await httpServer(t, (_request, response) => response.writeHead(307, { location }).end());
  const error = await importError(t, endpoint);
  assert.equal(error.code, 'DiscoveryFailed');
  assert.match(
    error.message,
    new RegExp(`HTTP 307: a redirect to ${other.replace('/mcp', '/else')} is not followed`),
  );
  assert.deepEqual(elsewhere, []);
});

test('a server that closes its stream at once is asked once a second in the end, whatever it wishes', async (t) => {
  let gets = 0;
  const endpoint = await rawMcpServer(
    t,
    () => ({ tools: [] }),
    (response) => {
      gets++;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('id: 1\nretry: 0\ndata:\n\n');
    },
  );
  const begun = performance.now();
  await adapterOf(t, endpoint).import();
  while (gets < 8) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(performance.now() - begun >= 1900);
});

test('a server that asks without end is not answered without end', async (t) => {
  let answers = 0;
  let release = () => {};
  const asked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const endpoint = await httpServer(t, async (request, response) => {
    if (request.method === 'GET') return response.writeHead(405).end();
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const message = JSON.parse(body) as { id?: number; method?: string };
    if (message.method === undefined) {
      answers++;
      // Never taken: they pile up on our side, or are not sent.
      return undefined;
    }
    if (message.id === undefined) return response.writeHead(202).end();
    const result =
      message.method === 'initialize'
        ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'x', version: '1' } }
        : { tools: [] };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (message.method === 'tools/list') {
      for (let id = 0; id < 10_000; id++)
        response.write(`data: {"jsonrpc":"2.0","id":"q${id}","method":"ping"}\n\n`);
      await asked;
    }
    return response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result })}\n\n`);
  });
  const importing = adapterOf(t, endpoint).import();
  while (answers < 16) await new Promise((resolve) => setTimeout(resolve, 5));
  release();
  assert.deepEqual(await importing, []);
  assert.equal(answers, 16);
});

/** Writes for as long as somebody reads. */
function pour(response: ServerResponse, first: string): void {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  response.on('error', () => {});
  response.write(first);
  const more = () => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) void once(response, 'drain').then(more, () => {});
  };
  more();
}

function unreachable(): never {
  throw new Error('the import succeeded');
}

function asAdapterError(error: unknown): AdapterError {
  assert.ok(error instanceof AdapterError, String(error));
  return error;
}
