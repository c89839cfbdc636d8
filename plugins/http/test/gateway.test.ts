/** The gateway. `docs/spec/http.md` 6, 7 and 9. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { eventually, type HttpNode, httpNode, run, versions } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode();
});
after(() => node.stop());

const call = (operation: string, input?: unknown, token?: string, version?: 'h2' | 'http/1.1') =>
  node.ask(
    '/call',
    {
      json: { operation, ...(input === undefined ? {} : { input }) },
      ...(token === undefined ? {} : { token }),
    },
    version,
  );
const code = (reply: { json(): unknown }) => (reply.json() as { code: string }).code;

for (const version of versions) {
  test(`HTTP-10 POST /call gives request_id, result ok and the output (${version})`, async () => {
    const reply = await call('lab/echo', { a: [1, 'ü'] }, undefined, version);
    assert.equal(reply.status, 200);
    const body = reply.json() as { request_id: string; result: string; output: unknown };
    assert.match(body.request_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(body.result, 'ok');
    assert.deepEqual(body.output, { a: [1, 'ü'] });
    assert.equal(reply.headers['x-request-id'], body.request_id);
    assert.equal(reply.headers['cache-control'], 'no-store');
    assert.equal(reply.headers['x-content-type-options'], 'nosniff');
    assert.equal(reply.headers['server'], undefined);
  });
}

test('HTTP-11 the leading slash of an operation name is optional', async () => {
  assert.equal((await call('/lab/echo', 1)).status, 200);
  assert.equal((await call('//lab/echo', 1)).status, 404);
  const { output } = (await node.ask('/schema?name=/lab/echo')).json() as { output: { name: string } };
  assert.equal(output.name, 'lab/echo');
});

test('HTTP-12 an absent input reaches the handler as {}', async () => {
  assert.deepEqual(((await call('lab/echo')).json() as { output: unknown }).output, {});
  assert.deepEqual((await node.ask('/lab/echo', { method: 'POST' })).json(), {});
  assert.deepEqual((await node.ask('/lab/echo')).json(), {});
});

test('HTTP-13 an Internal operation is refused in the words of an unknown one, everywhere', async () => {
  const token = await node.grant('everything', ['lab:admin', 'host:admin', 'admin']);
  const words = async (operation: string) => {
    const replies = await Promise.all([
      call(operation, {}, token),
      node.ask('/subscribe', { json: { operation }, token }),
      node.ask(`/schema?name=${operation}`, { token }),
      node.ask('/batch', { json: [{ operation }], token }),
    ]);
    const [called, subscribed, described, batch] = replies;
    assert.deepEqual(
      [called?.status, subscribed?.status, described?.status, batch?.status],
      [404, 404, 404, 200],
    );
    return replies.map(({ text }) => text.replaceAll(operation, 'NAME').replaceAll(/[0-9a-f-]{36}/g, 'ID'));
  };
  assert.deepEqual(await words('lab/hidden'), await words('lab/hiddex'));
  const search = (await node.ask('/search?limit=1000', { token })).text;
  assert.ok(search.includes('lab/echo') && !search.includes('hidden'));
});

test('HTTP-14 a restricted operation is 401 with a challenge, 403 or 200, by the token', async () => {
  const poor = await node.grant('poor');
  const admin = await node.grant('admin', ['lab:admin']);
  const nobody = await call('lab/admin', { n: 1 });
  assert.equal(nobody.status, 401);
  assert.equal(nobody.headers['www-authenticate'], 'Bearer');
  assert.equal(code(nobody), 'FORBIDDEN');
  const refused = await call('lab/admin', { n: 1 }, poor);
  assert.equal(refused.status, 403);
  assert.equal(refused.headers['www-authenticate'], undefined);
  assert.equal((await call('lab/admin', { n: 1 }, admin)).status, 200);
  assert.equal((await call('lab/admin', { n: 1 }, admin, 'h2')).status, 200);
});

test('HTTP-15 Basic, garbage, two Authorization headers and an unknown token are anonymous', async () => {
  const token = await node.grant('admin', ['lab:admin']);
  const who = async (authorization: string) =>
    (await node.ask('/lab/who', { headers: { authorization } })).json() as { id: string | null };
  const basic = Buffer.from(`admin:${token}`).toString('base64');
  for (const value of [
    `Basic ${basic}`,
    'garbage',
    'Bearer',
    `Bearer${token}`,
    `Bearer ${token} x`,
    'Bearer alk_x',
  ])
    assert.deepEqual(await who(value), { id: null }, value);
  assert.deepEqual(await who(`Bearer ${token}`), { id: 'admin' });
  const socket = await node.socket();
  const answered = (async () => {
    const chunks: string[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString('latin1')));
    await once(socket, 'close');
    return chunks.join('');
  })();
  const field = `Authorization: Bearer ${token}\r\n`;
  socket.write(`GET /lab/who HTTP/1.1\r\nHost: x\r\n${field}${field}Connection: close\r\n\r\n`);
  assert.match(await answered, /\{"id":null\}$/);
  // Node's own client sends no two of them over HTTP/2; curl does.
  const twice = await run('curl', [
    ...['-sk', '--http2', '-H', `Authorization: Bearer ${token}`, '-H', 'Authorization: Bearer x'],
    `${node.url}/lab/who`,
  ]);
  assert.equal(twice.stdout, '{"id":null}');
});

test('HTTP-16 bearer in any case, and more than one space, are accepted', async () => {
  const token = await node.grant('admin', ['lab:admin']);
  for (const authorization of [`bearer ${token}`, `BEARER   ${token}`, `bEaReR ${token}`])
    assert.deepEqual((await node.ask('/lab/who', { headers: { authorization } })).json(), { id: 'admin' });
});

test('HTTP-18 /search shows exactly the External operations that the caller may call, sorted', async () => {
  interface Found {
    readonly operations: { name: string; namespace: string; op_type: string; description: string }[];
  }
  const names = async (token?: string) => {
    const reply = await node.ask('/search?q=lab', token === undefined ? {} : { token });
    const { output } = reply.json() as { output: Found };
    return output.operations;
  };
  const anonymous = await names();
  const listed = anonymous.map(({ name }) => name);
  assert.deepEqual(listed, listed.toSorted());
  assert.ok(listed.includes('lab/count') && !listed.includes('lab/admin') && !listed.includes('lab/known'));
  assert.deepEqual(
    anonymous.find(({ name }) => name === 'lab/echo'),
    { name: 'lab/echo', namespace: 'lab', op_type: 'query', description: 'Gives back what it is given.' },
  );
  const admin = (await names(await node.grant('admin', ['lab:admin']))).map(({ name }) => name);
  assert.deepEqual(
    admin.filter((name) => !listed.includes(name)),
    ['lab/admin', 'lab/known', 'lab/secret'],
  );
});

test('HTTP-19 q filters by every word in name or description, ignoring case', async () => {
  const found = async (q: string) => {
    const reply = await node.ask(`/search?q=${encodeURIComponent(q)}`);
    return (reply.json() as { output: { operations: { name: string }[] } }).output.operations.map(
      ({ name }) => name,
    );
  };
  assert.deepEqual(await found('GREETS  lab'), ['lab/hello']);
  assert.deepEqual(await found('greets nothing-like-it'), []);
  assert.equal((await node.ask(`/search?q=${'a'.repeat(257)}`)).status, 422);
  assert.equal((await node.ask('/search?limit=0')).status, 422);
  assert.equal((await node.ask('/search?limit=1001')).status, 422);
});

test('HTTP-20 following next_cursor visits every operation once; a bad cursor is 422', async () => {
  interface Page {
    readonly output: { operations: { name: string }[]; next_cursor?: string };
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { output } = (await node.ask(`/search?limit=1${after}`)).json() as Page;
    assert.equal(output.operations.length, 1);
    seen.push(...output.operations.map(({ name }) => name));
    cursor = output.next_cursor;
  } while (cursor !== undefined);
  const all = ((await node.ask('/search?limit=1000')).json() as Page).output.operations.map(
    ({ name }) => name,
  );
  assert.deepEqual(seen, all);
  assert.equal((await node.ask('/search?cursor=nonsense')).status, 422);
});

test('HTTP-21 /schema describes in full; unknown, Internal and forbidden are the same 404, no name is 422', async () => {
  const { output } = (await node.ask('/schema?name=lab/fails')).json() as { output: Record<string, unknown> };
  for (const member of [
    'name',
    'namespace',
    'op_type',
    'visibility',
    'input_schema',
    'output_schema',
    'error_schemas',
    'access_control',
    'description',
    'timeout_ms',
  ])
    assert.ok(member in output, member);
  const refusals = await Promise.all(
    ['lab/hidden', 'lab/nothing', 'lab/admin'].map(async (name) => {
      const reply = await node.ask(`/schema?name=${name}`);
      assert.equal(reply.status, 404);
      return reply.text.replace(name, 'NAME');
    }),
  );
  assert.equal(new Set(refusals).size, 1);
  assert.equal((await node.ask('/schema')).status, 422);
});

test('HTTP-22 /batch keeps order and length; a failing item leaves the others their results', async () => {
  const reply = await node.ask('/batch', {
    json: [
      { operation: 'lab/echo', input: 1 },
      { operation: 'lab/fails', input: {} },
      { operation: 'lab/nothing' },
      7,
      { operation: 'lab/count', input: { n: 1 } },
      { operation: 'lab/echo', input: 2 },
    ],
  });
  assert.equal(reply.status, 200);
  const { results } = reply.json() as {
    results: { request_id: string | null; result: string; output?: unknown; error?: { code: string } }[];
  };
  assert.deepEqual(
    results.map(({ result, output, error }) => (result === 'ok' ? output : error?.code)),
    [1, 'DECLARED_PLAIN', 'NOT_FOUND', 'INVALID_INPUT', 'INVALID_OPERATION_TYPE', 2],
  );
  assert.deepEqual(
    results.map(({ request_id }) => typeof request_id),
    ['string', 'string', 'object', 'object', 'string', 'string'],
  );
});

test('HTTP-23 /batch of 101 items is 422, of none an empty list, of a non-array 422', async () => {
  const many = Array.from({ length: 101 }, () => ({ operation: 'lab/echo' }));
  assert.equal((await node.ask('/batch', { json: many })).status, 422);
  assert.equal((await node.ask('/batch', { json: many.slice(1) })).status, 200);
  assert.deepEqual((await node.ask('/batch', { json: [] })).json(), { results: [] });
  assert.equal((await node.ask('/batch', { json: {} })).status, 422);
});

test('HTTP-24 a subscription by /call or in a batch, and a query by /subscribe, is INVALID_OPERATION_TYPE', async () => {
  const called = await call('lab/count', { n: 1 });
  assert.deepEqual([called.status, code(called)], [400, 'INVALID_OPERATION_TYPE']);
  const subscribed = await node.ask('/subscribe', { json: { operation: 'lab/echo' } });
  assert.deepEqual([subscribed.status, code(subscribed)], [400, 'INVALID_OPERATION_TYPE']);
});

test('a call ends with 504 at the deadline of its operation', async () => {
  const reply = await call('lab/brief', {});
  assert.deepEqual([reply.status, code(reply)], [504, 'TIMEOUT']);
});

test('HTTP-26 every row of the status table holds', async () => {
  const poor = await node.grant('poor');
  const rows: [string, unknown, string | undefined, number, string][] = [
    ['lab/nothing', {}, undefined, 404, 'NOT_FOUND'],
    ['lab/admin', { n: 1 }, undefined, 401, 'FORBIDDEN'],
    ['lab/admin', { n: 1 }, poor, 403, 'FORBIDDEN'],
    ['lab/hello', { name: 1 }, undefined, 422, 'INVALID_INPUT'],
    ['lab/count', { n: 1 }, undefined, 400, 'INVALID_OPERATION_TYPE'],
    ['lab/brief', {}, undefined, 504, 'TIMEOUT'],
    ['lab/throws', {}, undefined, 500, 'INTERNAL'],
    ['lab/fails', { code: 'UNDECLARED' }, undefined, 500, 'INTERNAL'],
    ['lab/fails', { code: 'DECLARED_TEAPOT' }, undefined, 418, 'DECLARED_TEAPOT'],
    ['lab/fails', { code: 'DECLARED_PLAIN' }, undefined, 500, 'DECLARED_PLAIN'],
    ['lab/fails', { code: 'HTTP_404' }, undefined, 404, 'HTTP_404'],
    ['lab/fails', { code: 'HTTP_409' }, undefined, 410, 'HTTP_409'],
    ['lab/fails', { code: 'HTTP_200' }, undefined, 500, 'HTTP_200'],
    ['lab/fails', { code: 'HTTP_NOTANUMBER' }, undefined, 500, 'HTTP_NOTANUMBER'],
  ];
  for (const [operation, input, token, status, expected] of rows) {
    const reply = await call(operation, input, token);
    assert.deepEqual([reply.status, code(reply)], [status, expected], JSON.stringify([operation, input]));
    assert.ok(!/hunter2|\/etc\/|at .*:\d+/.test(reply.text), reply.text);
  }
});

test('HTTP-27 a declared domain error answers with its declared status, by both mappings', async () => {
  for (const [path, json] of [
    ['/call', { operation: 'lab/fails', input: { code: 'DECLARED_TEAPOT', details: { a: 1 } } }],
    ['/lab/fails', { code: 'DECLARED_TEAPOT', details: { a: 1 } }],
  ] as const) {
    const reply = await node.ask(path, { json });
    assert.equal(reply.status, 418);
    assert.deepEqual(reply.json(), {
      code: 'DECLARED_TEAPOT',
      message: 'as asked',
      retryable: false,
      details: { a: 1 },
    });
  }
});

test('HTTP-28 Retry-After appears for a retryable 429 or 503 with the detail, and in no other case', async () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  const rows: [unknown, string | undefined][] = [
    [{ code: 'HTTP_429', retryable: true, details: { retry_after: 7 } }, '7'],
    [{ code: 'HTTP_503', retryable: true, details: { retry_after: '8' } }, '8'],
    [{ code: 'HTTP_503', retryable: true, details: { retry_after: date } }, date],
    [{ code: 'HTTP_504', retryable: true, details: { retry_after: 7 } }, undefined],
    [{ code: 'HTTP_429', retryable: false, details: { retry_after: 7 } }, undefined],
    [{ code: 'HTTP_429', retryable: true, details: { retry_after: '7\r\nX: y' } }, undefined],
    [{ code: 'HTTP_429', retryable: true, details: { retry_after: -1 } }, undefined],
    [{ code: 'HTTP_429', retryable: true }, undefined],
  ];
  for (const [input, expected] of rows)
    for (const [path, json] of [
      ['/call', { operation: 'lab/fails', input }],
      ['/lab/fails', input],
    ] as const)
      assert.equal(
        (await node.ask(path, { json })).headers['retry-after'],
        expected,
        JSON.stringify([path, input]),
      );
});

test('HTTP-29 faults of a request have their own status', async () => {
  const post = (
    body: string | Uint8Array,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => node.ask('/call', { body, headers });
  const good = JSON.stringify({ operation: 'lab/echo' });
  assert.equal((await post('{')).status, 400);
  assert.equal((await post(Buffer.from([0x22, 0xff, 0x22]))).status, 400);
  assert.equal((await post('[]')).status, 422);
  assert.equal((await post('{}')).status, 422);
  assert.equal((await post(good, {})).status, 415);
  assert.equal((await post(good, { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await post(good, { 'content-type': 'application/json; charset=latin1' })).status, 415);
  assert.equal(
    (await post(good, { 'content-type': 'application/json', 'content-encoding': 'gzip' })).status,
    415,
  );
  assert.equal((await post(good, { 'content-type': 'application/json; charset=UTF-8' })).status, 200);
  assert.equal((await post(good, { 'content-type': 'application/vnd.x+json' })).status, 200);
  assert.equal((await post(good, { 'content-type': 'application/json', expect: 'tea' })).status, 417);
  assert.equal(
    (await post(good, { 'content-type': 'application/json', expect: '100-continue' })).status,
    200,
  );
  const wrong = await node.ask('/call');
  assert.deepEqual(
    [wrong.status, wrong.headers['allow'], code(wrong)],
    [405, 'POST', 'INVALID_OPERATION_TYPE'],
  );
  assert.equal((await node.ask('/search', { method: 'DELETE' })).headers['allow'], 'GET, HEAD');
  const large = 2 * 1024 * 1024;
  for (const version of versions) {
    const reply = await node.ask(
      '/call',
      { body: Buffer.alloc(large + 1, 0x20), headers: { 'content-type': 'application/json' } },
      version,
    );
    assert.deepEqual([reply.status, code(reply)], [413, 'INVALID_INPUT'], version);
    const padded = Buffer.concat([Buffer.from(good), Buffer.alloc(large - good.length, 0x20)]);
    const whole = await node.ask(
      '/call',
      { body: padded, headers: { 'content-type': 'application/json' } },
      version,
    );
    assert.equal(whole.status, 200, version);
  }
});

test('HTTP-30 JSON nested 65 and 100 000 deep is 400, 64 deep is read, and the process lives', async () => {
  const nested = (depth: number) => {
    const inner = depth - 1;
    return `{"operation":"lab/echo","input":${'['.repeat(inner)}${']'.repeat(inner)}}`;
  };
  const headers = { 'content-type': 'application/json' };
  assert.equal((await node.ask('/call', { body: nested(64), headers })).status, 200);
  assert.equal((await node.ask('/call', { body: nested(65), headers })).status, 400);
  assert.equal((await node.ask('/call', { body: nested(100_000), headers })).status, 400);
  assert.equal((await node.ask('/lab/echo', { body: '['.repeat(100_000), headers })).status, 400);
  assert.equal((await node.ask('/healthz')).status, 200);
});

test('HTTP-31 an input with __proto__ changes no prototype', async () => {
  const body = '{"operation":"lab/proto","input":{"__proto__":{"polluted":true}}}';
  const reply = await node.ask('/call', { body, headers: { 'content-type': 'application/json' } });
  assert.deepEqual((reply.json() as { output: unknown }).output, { own: true, polluted: null });
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test('HTTP-32 a caller without rights who sends an invalid input is told of the rights', async () => {
  const poor = await node.grant('poor');
  assert.equal((await call('lab/admin', 'nonsense')).status, 401);
  assert.equal((await call('lab/admin', 'nonsense', poor)).status, 403);
  assert.equal((await node.ask('/lab/admin?x=1', { token: poor })).status, 403);
  assert.equal((await node.ask('/lab/admin', { json: 'nonsense', token: poor })).status, 403);
  assert.equal((await node.ask('/lab/admin', { method: 'PUT', token: poor })).status, 403);
});

test('HTTP-33 no answer, log line or metric holds a token', async () => {
  const token = await node.grant('admin', ['lab:admin']);
  const forged = `alk_${'z'.repeat(43)}`;
  const texts = [
    (await call('lab/admin', { n: 1 }, token)).text,
    (await call('lab/admin', { n: 1 }, forged)).text,
    (await node.ask(`/lab/who?token=${token}`, { token })).text,
    (await node.ask('/nope', { token })).text,
  ];
  await eventually('the log', () => node.log().some(({ path }) => path === '/nope'));
  for (const text of [...texts, JSON.stringify(node.log())]) {
    assert.ok(!text.includes(token));
    assert.ok(!text.includes(forged));
  }
});

test('HTTP-34 the access log has one line a request, and no query string', async () => {
  const token = await node.grant('admin', ['lab:admin']);
  await node.ask('/lab/who?unmistakable=query', { token });
  await node.ask('/unknown/place?unmistakable=query');
  const lines = () => node.log().filter(({ event }) => event === 'request');
  await eventually('the lines', () => lines().some(({ path }) => path === '/unknown/place'));
  assert.ok(!JSON.stringify(node.log()).includes('unmistakable'));
  const served = lines().findLast(({ path }) => path === '/lab/who');
  assert.deepEqual([served?.['peer'], served?.['method'], served?.['status']], ['admin', 'GET', 200]);
  const decoy = lines().findLast(({ path }) => path === '/unknown/place');
  assert.deepEqual([decoy?.['peer'], decoy?.['status'], decoy?.['bytes']], ['-', 404, 146]);
});

test('HTTP-35 a client that disconnects aborts its call and everything the call started', async () => {
  const state = async () =>
    ((await call('lab/state')).json() as { output: { ran: number; aborted: number } }).output;
  const before = await state();
  const socket = await node.socket();
  const body = JSON.stringify({ operation: 'lab/parent' });
  socket.write(
    `POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await eventually('the call runs', async () => (await state()).ran === before.ran + 1);
  socket.destroy();
  await eventually('the call is aborted', async () => (await state()).aborted === before.aborted + 1);
  const session = await node.session();
  const stream = session.request({ ':path': '/lab/parent' });
  stream.on('error', () => {});
  await eventually('the call runs', async () => (await state()).ran === before.ran + 2);
  stream.close(8);
  await eventually('the call is aborted', async () => (await state()).aborted === before.aborted + 2);
  session.close();
});
