/** `http.adapters` of the kind mcp, on a real node. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mcpNode } from './mcp-node.ts';
import { mcpServer, tool } from './mcp-server.ts';

const httpGrant = { gateway: true, namespaces: ['*'] };

test('HTTP-119 no configuration starts a process', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-mcp-stdio-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const mark = join(directory, 'started');
  const server = await mcpServer(t, { list: () => ({ tools: [tool('echo')] }) });
  const node = await mcpNode(t, { httpGrant });
  for (const entry of [
    { command: process.execPath, args: ['-e', `require('fs').writeFileSync('${mark}', '')`] },
    { endpoint: server.endpoint, command: 'touch', args: [mark] },
    { endpoint: `file://${process.execPath}` },
  ]) {
    await node.configure({ adapters: [{ kind: 'mcp', namespace: 'far', ...entry }] });
    assert.equal(existsSync(mark), false);
  }
  const refusals = node
    .log()
    .filter(({ level }) => level === 'error')
    .map(({ error }) => String(error));
  assert.match(refusals[0] ?? '', /far: MCP over stdio is not supported; give an endpoint/);
  assert.match(refusals.at(-1) ?? '', /far: endpoint: expected https, or http to a loopback address/);
  assert.deepEqual(server.headers, []);
});

test('HTTP-120 a changed tool list re-imports', async (t) => {
  let names = ['first', 'second'];
  const server = await mcpServer(t, {
    list: () => ({ tools: names.map((name) => tool(name)) }),
    call: async (name) => ({ content: [{ type: 'text', text: name }] }),
  });
  const node = await mcpNode(t, {
    httpGrant,
    config: {
      adapters: [{ kind: 'mcp', namespace: 'far', endpoint: server.endpoint, visibility: 'external' }],
    },
  });
  const client = await node.client('/mcp');
  const farTools = async () =>
    (await client.listTools()).tools.map(({ name }) => name).filter((name) => name.startsWith('far_'));
  const until = async (expected: string[]) => {
    while (JSON.stringify(await farTools()) !== JSON.stringify(expected))
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await until(['far_first', 'far_second']);
  // Through both: an imported tool is a tool again, with the blocks as they came.
  assert.deepEqual(await client.callTool({ name: 'far_first', arguments: {} }), {
    content: [{ type: 'text', text: 'first' }],
  });

  await server.listening;
  names = ['second', 'third'];
  await server.changed();
  await until(['far_second', 'far_third']);
  assert.equal((await client.callTool({ name: 'far_first', arguments: {} })).isError, true);
  assert.equal(server.sessions, 1);
});

test('the credential of an entry is the stored secret that it names, at import and at each call', async (t) => {
  const secret = 'correct horse battery staple';
  const server = await mcpServer(t, {
    list: () => ({ tools: [tool('echo')] }),
    call: async () => ({ content: [{ type: 'text', text: `got ${secret}` }], isError: true }),
  });
  const auth = { kind: 'bearer', secret: 'notes-token' };
  const entry = { kind: 'mcp', namespace: 'notes', endpoint: server.endpoint, auth };
  const node = await mcpNode(t, {
    secrets: { 'notes-token': secret },
    config: { adapters: [{ ...entry, visibility: 'external', scopes: ['notes'] }] },
  });
  const client = await node.client('/mcp', await node.grant('agent', ['notes']));
  const result = () => client.callTool({ name: 'notes_echo', arguments: {} });
  let answer = await result();
  while (JSON.stringify(answer).includes('NOT_FOUND')) answer = await result();
  assert.match(JSON.stringify(answer), /MCP_TOOL_ERROR.*got \[REDACTED\]/);
  assert.ok(server.headers.every(({ authorization }) => authorization === `Bearer ${secret}`));
  assert.doesNotMatch(JSON.stringify(node.log()), /battery/);

  // A new value is in the next request, also in those of imports, which no call stands behind.
  await node.secret('notes-token', 'a new horse battery');
  const before = server.headers.length;
  const admin = await node.client('/mcp', await node.grant('root', ['admin']));
  await admin.callTool({ name: 'http_adapters_refresh', arguments: { namespace: 'notes' } });
  await result();
  const values = server.headers.slice(before).map(({ authorization }) => authorization);
  assert.ok(values.length >= 2);
  assert.deepEqual([...new Set(values)], ['Bearer a new horse battery']);
});
