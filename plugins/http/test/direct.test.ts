/** Direct mapping. `docs/spec/http.md` 8. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { queryInput } from '../src/direct/query-input.ts';
import { type HttpNode, httpNode, versions } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode();
});
after(() => node.stop());

const code = (reply: { json(): unknown }) => (reply.json() as { code: string }).code;
const events = { accept: 'text/event-stream' };

test('HTTP-36 both surfaces are on by default; each switch sends its paths to the decoy and leaves the other', async (t) => {
  const other = await httpNode();
  t.after(() => other.stop());
  const statuses = async () => [
    (await other.ask('/call', { json: { operation: 'lab/echo' } })).status,
    (await other.ask('/search')).status,
    (await other.ask('/lab/echo')).status,
  ];
  assert.deepEqual(await statuses(), [200, 200, 200]);
  await other.configure({ gateway: false });
  assert.deepEqual(await statuses(), [404, 404, 200]);
  assert.equal((await other.ask('/call', { json: {} })).headers['server'], 'nginx');
  await other.configure({ direct: false });
  assert.deepEqual(await statuses(), [200, 200, 404]);
});

for (const version of versions) {
  test(`HTTP-37 POST /svc/op with the input gives the bare output (${version})`, async () => {
    const reply = await node.ask('/lab/hello', { json: { name: 'Ada' } }, version);
    assert.equal(reply.status, 200);
    assert.equal(reply.text, '"hello, Ada"');
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.ok(reply.headers['x-request-id']);
    assert.equal((await node.ask('/lab/void')).text, 'null');
  });
}

test('HTTP-38 GET passes typed members by the schema, arrays by repetition, objects as JSON text', async () => {
  const get = async (query: string) => (await node.ask(`/lab/typed?${query}`)).json();
  assert.deepEqual(await get('a=1&b=2&c=true&n=null&list=1&list=2&words=x&o={"x":1.5}'), {
    a: 1,
    b: '2',
    c: true,
    n: null,
    list: [1, 2],
    words: ['x'],
    o: { x: 1.5 },
  });
  assert.deepEqual(await get('list=[3,4]&b=a+b%20c&n=1e2'), { list: [3, 4], b: 'a b c', n: 100 });
  for (const query of ['a=x', 'a=0x10', 'c=TRUE', 'a=1&a=2', 'o=1', 'o={', 'list=[1', 'unknown=1'])
    assert.equal((await node.ask(`/lab/typed?${query}`)).status, 422, query);
  assert.equal((await node.ask('/lab/scalar?input=5')).text, '5');
  assert.equal((await node.ask('/lab/scalar?input=x')).status, 422);
});

test('query parameters become members without a prototype, and unions that admit text stay text', () => {
  const input = queryInput({ type: 'object', properties: {} }, '__proto__=1&constructor=2');
  assert.equal(Object.getPrototypeOf(input), null);
  assert.deepEqual(Object.keys(input as object), ['__proto__', 'constructor']);
  const union = (anyOf: unknown[]) => ({ type: 'object', properties: { v: { anyOf } } });
  const value = (schema: unknown, text: string) => (queryInput(schema, `v=${text}`) as { v: unknown }).v;
  assert.equal(value(union([{ type: 'string' }, { type: 'number' }]), '1'), '1');
  assert.equal(value(union([{ type: 'boolean' }, { type: 'number' }]), 'true'), true);
  assert.equal(value(union([{ type: 'null' }, { type: 'integer' }]), 'null'), null);
  const referred = {
    type: 'object',
    properties: { v: { $ref: '#/$defs/n' } },
    $defs: { n: { type: 'number' } },
  };
  assert.equal(value(referred, '7'), 7);
  assert.equal(value({ type: 'object', properties: { v: { enum: [1, 2] } } }, '2'), 2);
});

test('HTTP-39 GET on a mutation, and PUT on anything, is 405 with Allow', async () => {
  const got = await node.ask('/lab/write');
  assert.deepEqual([got.status, got.headers['allow'], code(got)], [405, 'POST', 'INVALID_OPERATION_TYPE']);
  const put = await node.ask('/lab/echo', { method: 'PUT', json: {} });
  assert.deepEqual([put.status, put.headers['allow']], [405, 'GET, POST, HEAD']);
  assert.equal((await node.ask('/lab/write', { json: { a: 1 } })).text, '{"a":1}');
  const head = await node.ask('/lab/echo', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '2']);
});

for (const version of versions) {
  test(`HTTP-40 a subscription streams by GET and by POST, and is 400 without Accept (${version})`, async () => {
    const expected = 'data: 0\n\ndata: 1\n\n';
    const got = await node.ask('/lab/count?n=2', { headers: events }, version);
    assert.deepEqual([got.status, got.text], [200, expected]);
    assert.equal(got.headers['content-type'], 'text/event-stream; charset=utf-8');
    const posted = await node.ask('/lab/count', { json: { n: 2 }, headers: events }, version);
    assert.equal(posted.text, expected);
    const without = await node.ask('/lab/count?n=2', {}, version);
    assert.deepEqual([without.status, code(without)], [400, 'INVALID_OPERATION_TYPE']);
    assert.match(without.text, /Accept: text\/event-stream/);
  });
}

test('HTTP-41 Internal and unknown are one 404 to a known caller, and the decoy to an anonymous one', async () => {
  const token = await node.grant('somebody');
  const both = async (token?: string) => {
    const texts = [];
    for (const name of ['hidden', 'hiddex']) {
      const reply = await node.ask(`/lab/${name}`, token === undefined ? {} : { token });
      const { date: _, 'x-request-id': id, ...headers } = reply.headers;
      texts.push(
        JSON.stringify([reply.status, headers, id === undefined, reply.text]).replaceAll(name, 'NAME'),
      );
    }
    assert.equal(texts[0], texts[1]);
    return texts[0] ?? '';
  };
  assert.match(await both(token), /^\[404,.*NOT_FOUND/);
  assert.match(await both(), /^\[404,.*nginx/);
});

test('HTTP-42 names of three segments are reachable; an encoded slash is no separator', async () => {
  assert.equal((await node.ask('/lab/deep/er?a=1')).text, '{"a":"1"}');
  assert.equal((await node.ask('/lab/deep%2Fer')).status, 404);
  assert.equal((await node.ask('/lab%2Fecho')).status, 404);
  assert.equal((await node.ask('/%6Cab/ech%6F')).status, 200);
  for (const path of [
    '/lab//echo',
    '/lab/./echo',
    '/lab/../lab/echo',
    '/lab/%2e%2e/lab/echo',
    '/lab/echo/',
    '/lab/echo%00',
  ])
    assert.equal((await node.ask(path)).headers['server'], 'nginx', path);
});

test('HTTP-43 the same call gives the same output, error and status by gateway and by direct mapping', async () => {
  const rows: [string, unknown][] = [
    ['lab/hello', { name: 'x' }],
    ['lab/hello', { name: 1 }],
    ['lab/admin', { n: 1 }],
    ['lab/fails', { code: 'HTTP_404', details: [1] }],
    ['lab/throws', {}],
    ['lab/brief', {}],
    ['lab/void', {}],
  ];
  const neutral = (value: unknown) => JSON.stringify(value).replace(/"ref":"[^"]*"/, '"ref":""');
  for (const [operation, input] of rows) {
    const direct = await node.ask(`/${operation}`, { json: input });
    const gateway = await node.ask('/call', { json: { operation, input } });
    assert.equal(direct.status, gateway.status, operation);
    const called = gateway.json() as { output?: unknown };
    assert.equal(neutral(direct.json()), neutral(gateway.status === 200 ? called.output : called), operation);
  }
});

test('HTTP-44 a reserved path wins over an operation of that name, which the gateway still calls', async (t) => {
  const source = `
    import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    export default definePlugin({ name: 'mcp', version: '1.0.0', operations: [
      defineOperation({ name: 'mcp/gateway', type: 'query', access: 'public', input: Type.Any(), output: Type.Any(), handler: () => 'mine' }),
    ] });`;
  const other = await httpNode({ plugins: { mcp: source }, config: { mcp: false } });
  t.after(() => other.stop());
  const called = await other.ask('/call', { json: { operation: 'mcp/gateway' } });
  assert.equal((called.json() as { output: unknown }).output, 'mine');
  assert.equal((await other.ask('/mcp/gateway')).headers['server'], 'nginx');
});
