/** The MCP server of a real node, with the stock client. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { until } from '../../../../host/test/eventually.ts';
import { labPlugin, manyOperations } from './lab-plugin.ts';
import { type McpNode, mcpNode } from './mcp-node.ts';

async function names(client: Client): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor });
    found.push(...page.tools.map(({ name }) => name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  return client.callTool({ name, arguments: args });
}

/** The CallError of a result, which stands in its text. */
async function failure(client: Client, name: string, args: Record<string, unknown> = {}) {
  const { content, isError } = await call(client, name, args);
  assert.equal(isError, true);
  const [block] = content as { type: string; text: string }[];
  assert.equal(block?.type, 'text');
  const error = JSON.parse(block.text) as { code: string; message: string; details?: unknown };
  assert.deepEqual(Object.keys(error).slice(0, 3), ['code', 'message', 'retryable']);
  return error;
}

const publicTools = [
  'lab_add',
  'lab_breaks',
  'lab_count',
  'lab_fails',
  'lab_forever',
  'lab_shout',
  'lab_slow',
  'lab_state',
  'lab_wait',
  'lab_who',
];

async function labTools(client: Client): Promise<string[]> {
  return (await names(client)).filter((name) => name.startsWith('lab_'));
}

test('HTTP-121 /mcp lists one tool for each operation that the caller may call, with schemas and hints', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const anonymous = await node.client('/mcp');
  const ada = await node.client('/mcp', await node.grant('ada', ['lab:secret']));
  assert.deepEqual(await labTools(anonymous), publicTools);
  assert.deepEqual(await labTools(ada), [...publicTools, 'lab_secret'].sort());

  const { tools } = await anonymous.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    tools.map(({ name }) => name).sort(),
  );
  assert.deepEqual(
    tools.find(({ name }) => name === 'lab_add'),
    {
      name: 'lab_add',
      title: 'Add',
      description: 'Adds two numbers. Both are integers.',
      inputSchema: {
        type: 'object',
        required: ['a', 'b'],
        properties: { a: { type: 'integer' }, b: { type: 'integer' } },
        additionalProperties: false,
      },
      outputSchema: { type: 'object', required: ['sum'], properties: { sum: { type: 'integer' } } },
      annotations: { readOnlyHint: true },
    },
  );
  const shout = tools.find(({ name }) => name === 'lab_shout');
  assert.deepEqual(shout?.inputSchema.properties, { value: { type: 'string' } });
  assert.deepEqual(shout.outputSchema?.properties, { output: { type: 'string' } });
  assert.deepEqual(shout.annotations, { destructiveHint: true, idempotentHint: false });
  assert.equal(shout.title, 'lab/shout');
});

test('HTTP-121 /mcp follows the registry, tells of a change, and falls back to four tools above maxTools', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin }, config: { mcp: { maxTools: 40 } } });
  const client = await node.client('/mcp');
  const changes = changesOf(client);
  assert.deepEqual(await labTools(client), publicTools);
  await node.listening();

  const more = async () => (await names(client)).filter((name) => name.startsWith('more_'));
  await node.replacePlugins({ lab: labPlugin, more: manyOperations('more', 3) });
  await changes.until(async () => (await more()).join() === 'more_n0,more_n1,more_n2');

  await node.replacePlugins({ lab: labPlugin, more: manyOperations('more', 100) });
  await changes.until(async () => (await names(client)).join() === 'batch,call,schema,search');
  const result = await call(client, 'call', { operation: 'more/n7' });
  assert.deepEqual(result.structuredContent, { output: 7 });

  await node.configure({ mcp: { maxTools: 1000 } });
  assert.equal((await more()).length, 100);
});

test('HTTP-121 /mcp/gateway lists exactly four tools, whatever is registered', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const client = await node.client('/mcp/gateway');
  const before = await client.listTools();
  assert.deepEqual(
    before.tools.map(({ name }) => name),
    ['batch', 'call', 'schema', 'search'],
  );
  await node.replacePlugins({ more: manyOperations('more', 300) });
  assert.deepEqual(await client.listTools(), before);
  const ada = await node.client('/mcp/gateway', await node.grant('ada', ['lab:secret']));
  assert.deepEqual(await ada.listTools(), before);
});

test('HTTP-122 search leaves out forbidden and subscription operations and filters by query', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const client = await node.client('/mcp/gateway');
  const found = async (who: Client, args: Record<string, unknown>) => {
    const { structuredContent } = await call(who, 'search', args);
    return (structuredContent as { operations: { name: string; description: string }[] }).operations;
  };
  const lab = (await found(client, { query: 'lab/' })).map(({ name }) => name);
  assert.deepEqual(
    lab,
    publicTools
      .filter((name) => name !== 'lab_count' && name !== 'lab_forever')
      .map((name) => name.replace('_', '/')),
  );
  assert.deepEqual(await found(client, { query: 'NUMBERS add' }), [
    { name: 'lab/add', description: 'Adds two numbers.' },
  ]);
  assert.deepEqual(await found(client, { query: 'lab/wait' }), [
    { name: 'lab/wait', description: 'query lab/wait' },
  ]);
  const ada = await node.client('/mcp/gateway', await node.grant('ada', ['lab:secret']));
  assert.deepEqual(
    (await found(ada, { query: 'secret' })).map(({ name }) => name),
    ['lab/secret'],
  );

  await node.replacePlugins({ more: manyOperations('more', 250) });
  const pages: string[] = [];
  let cursor: string | undefined;
  do {
    const { structuredContent } = await call(client, 'search', {
      query: 'more/',
      ...(cursor === undefined ? {} : { cursor }),
    });
    const page = structuredContent as { operations: { name: string }[]; next_cursor?: string };
    assert.ok(page.operations.length <= 100);
    pages.push(...page.operations.map(({ name }) => name));
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  assert.equal(new Set(pages).size, 250);
});

test('HTTP-122 schema answers NOT_FOUND for Internal, unknown and forbidden operations alike', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const client = await node.client('/mcp/gateway');
  const { structuredContent } = await call(client, 'schema', { name: '/lab/add' });
  assert.equal((structuredContent as { name: string }).name, 'lab/add');
  for (const name of ['lab/inner', 'lab/nothing', 'lab/secret']) {
    const error = await failure(client, 'schema', { name });
    assert.deepEqual(error, { code: 'NOT_FOUND', message: `operation not found: ${name}`, retryable: false });
  }
});

test('HTTP-123 a call by tool maps every error to isError with a CallError; results are objects and text', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const client = await node.client('/mcp');
  // With the schemas at hand the stock client holds every result against them.
  await client.listTools();
  assert.deepEqual(await call(client, 'lab_add', { a: 1, b: 2 }), {
    content: [{ type: 'text', text: '{"sum":3}' }],
    structuredContent: { sum: 3 },
  });
  assert.deepEqual((await call(client, 'lab_shout', { value: 'ho' })).structuredContent, { output: 'HO' });

  assert.deepEqual(await failure(client, 'lab_fails'), {
    code: 'LAB_BURNS',
    message: 'the lab burns',
    retryable: false,
    details: { floor: 2 },
  });
  assert.equal((await failure(client, 'lab_add', { a: 1 })).code, 'INVALID_INPUT');
  assert.equal((await failure(client, 'lab_shout')).code, 'INVALID_INPUT');
  assert.equal((await failure(client, 'lab_slow')).code, 'TIMEOUT');
  assert.equal((await failure(client, 'nothing')).code, 'NOT_FOUND');
  // What a caller does not see is unknown to it, whatever it is.
  assert.equal((await failure(client, 'lab_inner')).code, 'NOT_FOUND');
  assert.equal((await failure(client, 'lab_secret')).code, 'NOT_FOUND');
  const broken = await failure(client, 'lab_breaks');
  assert.equal(broken.code, 'INTERNAL');
  assert.doesNotMatch(JSON.stringify(broken), /hunter2/);
});

test('HTTP-123 a call by the gateway maps every error to isError with a CallError', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const client = await node.client('/mcp/gateway');
  await client.listTools();
  assert.deepEqual(await call(client, 'call', { operation: 'lab/add', input: { a: 1, b: 2 } }), {
    content: [{ type: 'text', text: '{"output":{"sum":3}}' }],
    structuredContent: { output: { sum: 3 } },
  });
  const code = async (operation: unknown, input?: unknown) =>
    (await failure(client, 'call', { operation, ...(input === undefined ? {} : { input }) })).code;
  assert.equal(await code('lab/secret'), 'FORBIDDEN');
  assert.equal(await code('lab/inner'), 'NOT_FOUND');
  assert.equal(await code('lab/nothing'), 'NOT_FOUND');
  assert.equal(await code('lab/count', { to: 1 }), 'INVALID_OPERATION_TYPE');
  assert.equal(await code('lab/add', { a: 'one', b: 2 }), 'INVALID_INPUT');
  assert.equal(await code('lab/fails'), 'LAB_BURNS');
  assert.equal(await code(7), 'INVALID_INPUT');
  assert.equal((await failure(client, 'call')).code, 'INVALID_INPUT');
  assert.equal((await failure(client, 'search', { query: 'x'.repeat(257) })).code, 'INVALID_INPUT');
  assert.equal((await failure(client, 'search', { cursor: 'no cursor' })).code, 'INVALID_INPUT');
  assert.equal((await failure(client, 'lab_add')).code, 'NOT_FOUND');
  const { structuredContent, content } = await call(client, 'call', { operation: 'lab/fails' });
  assert.deepEqual(structuredContent, JSON.parse((content as { text: string }[])[0]?.text ?? ''));

  const batch = await call(client, 'batch', {
    calls: [
      { operation: 'lab/add', input: { a: 1, b: 1 } },
      { operation: 'lab/fails' },
      'what',
      { operation: 'lab/shout', input: 'x' },
    ],
  });
  const { results } = batch.structuredContent as {
    results: { isError: boolean; output?: unknown; error?: { code: string } }[];
  };
  assert.deepEqual(
    results.map(({ isError, output, error }) => (isError ? error?.code : output)),
    [{ sum: 2 }, 'LAB_BURNS', 'INVALID_INPUT', 'X'],
  );
  const calls = Array.from({ length: 101 }, () => ({ operation: 'lab/add' }));
  assert.equal((await failure(client, 'batch', { calls })).code, 'INVALID_INPUT');
});

test('HTTP-124 a session id used by another identity, by nobody, or at the other surface is 404', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const ada = await node.grant('ada', []);
  const grace = await node.grant('grace', []);
  const session = await begin(node, '/mcp', ada);
  const ping = async (path: string, token: string | undefined, id = session) =>
    (await post(node, path, token, { jsonrpc: '2.0', id: 1, method: 'ping' }, id)).status;
  assert.equal(await ping('/mcp', ada), 200);
  assert.equal(await ping('/mcp', grace), 404);
  assert.equal(await ping('/mcp', undefined), 404);
  assert.equal(await ping('/mcp/gateway', ada), 404);
  assert.equal(await ping('/mcp', ada, 'no-session'), 404);
  const ended = await node.fetch(`${node.origin}/mcp`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${grace}`, 'mcp-session-id': await begin(node, '/mcp', grace) },
  });
  assert.equal(ended.status, 200);
  await node.revoke('ada');
  assert.equal(await ping('/mcp', ada), 404);
});

test('HTTP-124 cancelling aborts the call, and so does a client that leaves', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const client = await node.client('/mcp');
  const state = async () => (await call(client, 'lab_state')).structuredContent as { output: State };
  const cancelled = new AbortController();
  const waiting = client.callTool({ name: 'lab_wait', arguments: {} }, undefined, {
    signal: cancelled.signal,
  });
  await until(async () => (await state()).output.running === 1);
  cancelled.abort();
  await assert.rejects(waiting);
  await until(async () => (await state()).output.aborted === 1);

  // Its request ended with it: the id 0, and a hundred more, leave nothing behind.
  const token = await node.grant('ada', []);
  const session = await begin(node, '/mcp', token);
  const request = {
    jsonrpc: '2.0',
    id: 0,
    method: 'tools/call',
    params: { name: 'lab_wait', arguments: {} },
  };
  const response = await post(node, '/mcp', token, request, session);
  await until(async () => (await state()).output.running === 2);
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 0 } };
  assert.equal((await post(node, '/mcp', token, cancel, session)).status, 202);
  assert.doesNotMatch(await response.text(), /"id":0/);
  assert.equal((await state()).output.aborted, 2);

  const leaving = new AbortController();
  const left = await post(node, '/mcp', token, { ...request, id: 5 }, session, leaving.signal);
  assert.equal(left.status, 200);
  await until(async () => (await state()).output.running === 3);
  leaving.abort();
  await until(async () => (await state()).output.aborted === 3);
});

for (const http2 of [false, true]) {
  test(`HTTP-125 over HTTP/${http2 ? 2 : 1.1} a stock MCP client lists, calls, and receives a subscription's items as progress`, async (t) => {
    const node = await mcpNode(t, { plugins: { lab: labPlugin }, http2 });
    const client = await node.client('/mcp');
    await client.listTools();
    const progress: unknown[] = [];
    const onprogress = (each: unknown) => progress.push(each);
    const counted = await client.callTool({ name: 'lab_count', arguments: { to: 3 } }, undefined, {
      onprogress,
    });
    assert.deepEqual(counted.structuredContent, { items: [1, 2, 3], completed: true });
    assert.deepEqual(progress, [
      { progress: 1, message: '1' },
      { progress: 2, message: '2' },
      { progress: 3, message: '3' },
    ]);
    assert.deepEqual((await call(client, 'lab_count', { to: 100, max_items: 2 })).structuredContent, {
      items: [1, 2],
      completed: false,
    });
    assert.deepEqual((await call(client, 'lab_count', { to: 100 })).structuredContent, {
      items: Array.from({ length: 20 }, (_, n) => n + 1),
      completed: false,
    });
    // The time is over: what came is the result, and the handler has ended.
    assert.deepEqual((await call(client, 'lab_forever', { timeout_ms: 100 })).structuredContent, {
      items: [1],
      completed: false,
    });
    const { structuredContent } = await call(client, 'lab_state');
    assert.deepEqual(structuredContent, { output: { aborted: 1, running: 1 } });
    assert.equal((await failure(client, 'lab_count', { to: 1, max_items: 1001 })).code, 'INVALID_INPUT');
    assert.equal((await failure(client, 'lab_count', { to: 1, timeout_ms: 300_001 })).code, 'INVALID_INPUT');
    assert.equal((await failure(client, 'lab_count', { to: 'x' })).code, 'INVALID_INPUT');
  });
}

test('HTTP-126 a foreign origin at /mcp is 403', async (t) => {
  const node = await mcpNode(t, { config: { allowedOrigins: ['https://app.example'] } });
  const status = async (path: string, origin?: string) => {
    const headers: Record<string, string> = origin === undefined ? {} : { Origin: origin };
    const response = await post(node, path, undefined, initialize, undefined, undefined, headers);
    await response.text();
    return response.status;
  };
  for (const path of ['/mcp', '/mcp/gateway']) {
    assert.equal(await status(path, 'https://evil.example'), 403);
    assert.equal(await status(path, 'null'), 403);
    assert.equal(await status(path, 'https://app.example'), 200);
    assert.equal(await status(path, node.origin), 200);
    assert.equal(await status(path), 200);
  }
});

test('MCP can be switched off, and strict stealth hides it from the anonymous', async (t) => {
  const node = await mcpNode(t, { config: { mcp: false } });
  const status = async (token?: string) => (await post(node, '/mcp', token, initialize)).status;
  assert.equal(await status(), 404);
  await node.configure({ stealth: 'strict' });
  assert.equal(await status(), 404);
  assert.equal(await status(await node.grant('ada', [])), 200);
});

test('a message that is no JSON, too deep, or of another type is refused, and the session lives', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const session = await begin(node, '/mcp', undefined);
  const send = async (body: string, headers: Record<string, string> = {}) => {
    const response = await node.fetch(`${node.origin}/mcp`, {
      method: 'POST',
      headers: { ...jsonHeaders, 'mcp-session-id': session, ...headers },
      body,
    });
    await response.text();
    return response.status;
  };
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  assert.equal(await send('{'), 400);
  assert.equal(await send(''), 400);
  assert.equal(await send('"ping"'), 400);
  assert.equal(await send('{"jsonrpc":"1.0","id":1,"method":"ping"}'), 400);
  assert.equal(await send(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 400);
  assert.equal(await send(`[${Array(101).fill(ping).join(',')}]`), 400);
  assert.equal(await send(ping, { 'content-type': 'text/plain' }), 415);
  assert.equal(await send(ping, { accept: 'application/json' }), 406);
  assert.equal(await send(ping, { 'mcp-protocol-version': '1999-01-01' }), 400);
  assert.equal(await send(' '.repeat(2 * 1024 * 1024 + 1)), 413);
  assert.equal(await send(ping), 200);
  const put = await node.fetch(`${node.origin}/mcp`, { method: 'PUT' });
  assert.equal(put.status, 405);
  await put.text();
});

test('the answer to a call has the request id that the operation saw, and is not to be kept', async (t) => {
  const node = await mcpNode(t, { plugins: { lab: labPlugin } });
  const session = await begin(node, '/mcp', undefined);
  const request = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'lab_who', arguments: {} } };
  const response = await post(node, '/mcp', undefined, request, session);
  const id = response.headers.get('x-request-id');
  assert.match(await response.text(), new RegExp(`requestId\\\\":\\\\"${id}`));
  assert.equal(response.headers.get('cache-control'), 'no-store');
});

interface State {
  readonly aborted: number;
  readonly running: number;
}

const jsonHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

const initialize = {
  jsonrpc: '2.0',
  id: 'begin',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};

function post(
  node: McpNode,
  path: string,
  token: string | undefined,
  message: unknown,
  session?: string,
  signal?: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  return node.fetch(`${node.origin}${path}`, {
    method: 'POST',
    headers: {
      ...jsonHeaders,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
      ...headers,
    },
    body: JSON.stringify(message),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function begin(node: McpNode, path: string, token: string | undefined): Promise<string> {
  const response = await post(node, path, token, initialize);
  assert.equal(response.status, 200);
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}

/** What a client is told of changes: one change of the node's plugins may be told in several. */
function changesOf(client: Client) {
  const events = new EventEmitter();
  let told = 0;
  let used = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    told++;
    events.emit('changed');
  });
  return {
    /** Resolves when what `look` wants is seen after a change that was told. */
    async until(look: () => Promise<boolean>): Promise<void> {
      do {
        if (used === told) await once(events, 'changed');
        used = told;
      } while (!(await look()));
    },
  };
}
