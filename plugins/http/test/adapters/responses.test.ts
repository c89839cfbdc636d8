import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { CallError } from '@alknet/sdk';
import { document, imported, ok, remote } from './harness.ts';

const get = (operationId: string, more: object = ok) => ({ get: { operationId, ...more } });
const stream = { responses: { 200: { description: '', content: { 'text/event-stream': { schema: {} } } } } };

function failure(call: Promise<unknown>): Promise<CallError> {
  return call.then(
    (value) => assert.fail(`expected a failure, got ${JSON.stringify(value)}`),
    (error) => error,
  );
}

async function collect(values: AsyncIterable<unknown>, into: unknown[] = []): Promise<unknown[]> {
  for await (const value of values) into.push(value);
  return into;
}

/** One path that answers as its test says. */
async function answering(t: Parameters<typeof remote>[0], listener: RequestListener, options: object = {}) {
  const { url, requests } = await remote(t, listener);
  const source = document({
    '/a': {
      get: { operationId: 'a', ...ok },
      post: { operationId: 'post', ...ok },
      head: { operationId: 'head', ...ok },
      put: { operationId: 'put', ...ok },
    },
    '/s': get('s', stream),
    '/declared': get('declared', {
      responses: {
        200: { description: '' },
        404: { description: 'no such pet', content: { 'application/json': { schema: { type: 'string' } } } },
      },
    }),
  });
  return { api: await imported(t, source, { baseUrl: url, retries: 0, ...options }), url, requests };
}

test('HTTP-103 404 of the remote is HTTP_404, an undeclared 500 is HTTP_500, never a protocol code, with the body in details', async (t) => {
  let status = 200;
  const { api } = await answering(t, (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"no"}');
  });
  for (const [name, code] of [
    ['declared', 404],
    ['a', 404],
    ['a', 401],
    ['a', 403],
    ['a', 422],
    ['a', 500],
    ['a', 504],
    ['a', 418],
    ['a', 599],
    ['s', 500],
    ['s', 404],
  ] as const) {
    status = code;
    const error = await failure(name === 's' ? collect(api.subscribe('s', {})) : api.call(name, {}));
    assert.equal(error.code, `HTTP_${code}`);
    assert.match(error.message, new RegExp(`^HTTP ${code}: `));
    assert.deepEqual(error.details, { body: { error: 'no' } });
    assert.equal(error.retryable, [429, 502, 503, 504].includes(code));
  }
  status = 418;
  assert.equal((await failure(api.call('a', {}))).message, "HTTP 418: I'm a Teapot");
});

test('HTTP-103 an error keeps Retry-After, is cut at 64 KiB, and a broken error body is text', async (t) => {
  let answer: [number, Record<string, string>, string] = [429, {}, ''];
  const { api } = await answering(t, (_request, response) => {
    response.writeHead(answer[0], answer[1]).end(answer[2]);
  });
  answer = [429, { 'retry-after': '0' }, ''];
  assert.deepEqual((await failure(api.call('a', {}))).details, { body: null, retry_after: '0' });
  answer = [400, { 'content-type': 'text/plain' }, 'x'.repeat(1024 * 1024)];
  assert.equal(((await failure(api.call('a', {}))).details as { body: string }).body.length, 64 * 1024);
  answer = [400, { 'content-type': 'application/json' }, '{ broken'];
  assert.deepEqual((await failure(api.call('a', {}))).details, { body: '{ broken' });
});

test('HTTP-104 JSON, +json, text, binary, 204 and empty answers map as stated', async (t) => {
  let answer: [number, Record<string, string>, string | Buffer] = [200, {}, ''];
  const { api } = await answering(t, (_request, response) => {
    response.writeHead(answer[0], answer[1]).end(answer[2]);
  });
  const rows: [typeof answer, unknown][] = [
    [[200, { 'content-type': 'application/json; charset=utf-8' }, '{"a":[1]}'], { a: [1] }],
    [[200, { 'content-type': 'application/problem+json' }, '"x"'], 'x'],
    [[201, { 'content-type': 'application/json' }, '\ufeff1'], 1],
    [[200, { 'content-type': 'text/csv' }, 'a,b'], 'a,b'],
    [[200, { 'content-type': 'text/plain; charset=iso-8859-1' }, Buffer.from([0xe4])], 'ä'],
    [[200, { 'content-type': 'application/xml' }, '<a/>'], '<a/>'],
    [[200, { 'content-type': 'image/svg+xml' }, '<a/>'], '<a/>'],
    [[200, { 'content-type': 'image/png' }, Buffer.from([1, 2])], 'AQI='],
    [[200, {}, 'x'], 'eA=='],
    [[204, {}, ''], null],
    [[200, { 'content-type': 'application/json' }, ''], null],
    [
      [200, { 'content-type': 'application/json' }, `${'['.repeat(64)}${']'.repeat(64)}`],
      JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`),
    ],
    [
      [200, { 'content-type': 'application/json' }, '{"__proto__":{"x":1},"a":"[[\\"{"}'],
      JSON.parse('{"__proto__":{"x":1},"a":"[[\\"{"}'),
    ],
  ];
  for (const [given, value] of rows) {
    answer = given;
    assert.deepEqual(await api.call('a', {}), value);
  }
  for (const text of ['{ broken', `${'['.repeat(65)}${']'.repeat(65)}`, `${'['.repeat(200_000)}`]) {
    answer = [200, { 'content-type': 'application/json' }, text];
    assert.equal((await failure(api.call('a', {}))).code, 'INTERNAL');
  }
  answer = [200, {}, ''];
  assert.equal(await api.call('head', {}), null);
});

test('an answer over maxResponse is INTERNAL, response too large, and an answer that breaks off names the origin', async (t) => {
  const { api, url } = await answering(
    t,
    (request, response) => {
      if (request.method === 'POST') {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '100' });
        response.write('short');
        setImmediate(() => response.destroy());
        return;
      }
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = () => {
        while (response.write('x'.repeat(16384)));
        response.once('drain', more);
      };
      more();
    },
    { maxResponse: 100_000 },
  );
  const { code, message } = await failure(api.call('a', {}));
  assert.deepEqual({ code, message }, { code: 'INTERNAL', message: 'response too large' });
  const broken = await failure(api.call('post', {}));
  assert.equal(broken.code, 'INTERNAL');
  assert.ok(broken.message.includes(url), broken.message);
});

test('no answer is INTERNAL with the origin in its message; a limit of one request is TIMEOUT', async (t) => {
  const { api } = await answering(t, () => {}, { timeout: 50 });
  assert.equal((await failure(api.call('a', {}))).code, 'TIMEOUT');
  assert.equal((await failure(collect(api.subscribe('s', {})))).code, 'TIMEOUT');
  const gone = await imported(t, document({ '/a': get('a') }), { baseUrl: 'http://127.0.0.1:1', retries: 0 });
  const { code, message } = await failure(gone.call('a', {}));
  assert.equal(code, 'INTERNAL');
  assert.equal(message, 'no answer from http://127.0.0.1:1 (ECONNREFUSED)');
});

test('a remote that speaks no HTTP, sends endless headers or compresses what was not asked for harms nobody', async (t) => {
  const garbage = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('SSH-2.0-x\r\n'));
  }).listen(0, '127.0.0.1');
  const endless = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(`x-${'y'.repeat(1000)}: z\r\n`));
    };
    socket.on('drain', more);
    more();
  }).listen(0, '127.0.0.1');
  t.after(() => {
    garbage.close();
    endless.close();
  });
  for (const server of [garbage, endless]) {
    if (!server.listening) await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const api = await imported(t, document({ '/a': get('a') }), {
      baseUrl: `http://127.0.0.1:${port}`,
      retries: 0,
    });
    assert.equal((await failure(api.call('a', {}))).code, 'INTERNAL');
  }
  const zipped = await answering(t, (_request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .end(gzipSync('{"a":1}'));
  });
  assert.deepEqual(await zipped.api.call('a', {}), { a: 1 });
  const bomb = await answering(
    t,
    (_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    },
    { maxResponse: 1024 * 1024 },
  );
  assert.equal((await failure(bomb.api.call('a', {}))).message, 'response too large');
});

test('HTTP-105 a subscription streams the events of the remote, and ends, fails or is left as it does', async (t) => {
  let left: Promise<unknown> = Promise.resolve();
  const { api, requests } = await answering(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const many = request.url?.includes('?') !== true;
    response.write('\ufeff: hello\n\ndata: {"n":1}\r\n\r\nevent: x\nid: 1\n\ndata: ä\ndata: b\n\ndata:\n\n');
    left = once(response, 'close');
    if (many) setImmediate(() => response.end('data: [DONE]\n\ndata: unfinished'));
  });
  assert.deepEqual(await collect(api.subscribe('s', {})), [{ n: 1 }, 'ä\nb', null, '[DONE]']);
  assert.equal(requests[0]?.headers['accept'], 'text/event-stream');
  const iterator = api.subscribe('s', {})[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
  await left;
});

test('HTTP-105 a failure midway is an error after the values so far, an event over 1 MiB is INTERNAL', async (t) => {
  let large = false;
  const { api } = await answering(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    if (large) response.write(`data: ${'x'.repeat(2 * 1024 * 1024)}`);
    else setTimeout(() => response.destroy(), 20);
  });
  for (large of [false, true]) {
    const values: unknown[] = [];
    const error = await failure(collect(api.subscribe('s', {}), values));
    assert.equal(error.code, 'INTERNAL');
    assert.deepEqual(values, [1]);
  }
});

test('HTTP-110 aborting a call aborts the request at the remote', async (t) => {
  let closed: Promise<unknown> = Promise.resolve();
  let arrived: () => void = () => {};
  const { api } = await answering(t, (_request, response) => {
    closed = once(response, 'close');
    arrived();
  });
  for (const run of [
    (signal: AbortSignal) => api.call('a', {}, { signal }),
    (signal: AbortSignal) => collect(api.subscribe('s', {}, { signal })),
  ]) {
    const here = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const stop = new AbortController();
    const call = failure(run(stop.signal));
    await here;
    stop.abort();
    assert.equal((await call).code, 'ABORTED');
    await closed;
  }
  const deadline = await failure(api.call('a', {}, { timeoutMs: 30 }));
  assert.equal(deadline.code, 'TIMEOUT');
  await closed;
});

test('HTTP-106 a mutation is not sent twice after a connection error; a query is, up to three more times', async (t) => {
  const counts: Record<string, number> = {};
  const server = createServer((request) => {
    counts[request.method ?? ''] = (counts[request.method ?? ''] ?? 0) + 1;
    request.socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const source = document({
    '/a': {
      get: { operationId: 'get', ...ok },
      post: { operationId: 'post', ...ok },
      patch: { operationId: 'patch', ...ok },
    },
  });
  const api = await imported(t, source, { baseUrl: `http://127.0.0.1:${port}`, retries: undefined });
  await Promise.all(
    ['get', 'post', 'patch'].map(async (name) =>
      assert.equal((await failure(api.call(name, {}))).code, 'INTERNAL'),
    ),
  );
  assert.deepEqual(counts, { GET: 4, POST: 1, PATCH: 1 });
});

test('HTTP-106 500, 502, 503 and 504 of a query are tried again within the deadline, other statuses are not', async (t) => {
  let statuses: number[] = [];
  const { api, requests } = await answering(
    t,
    (_request, response) => {
      response.writeHead(statuses.shift() ?? 200, { 'content-type': 'application/json' }).end('1');
    },
    { retries: 3 },
  );
  statuses = [503, 500, 200];
  assert.equal(await api.call('a', {}), 1);
  assert.equal(requests.length, 3);
  statuses = [502];
  assert.equal((await failure(api.call('post', {}))).code, 'HTTP_502');
  assert.equal(requests.length, 4);
  statuses = [404];
  assert.equal((await failure(api.call('a', {}))).code, 'HTTP_404');
  assert.equal(requests.length, 5);
  // The first wait is at least 125 ms: with less than that left the answer stands.
  statuses = [504, 200];
  assert.equal((await failure(api.call('a', {}, { timeoutMs: 100 }))).code, 'HTTP_504');
  assert.equal(requests.length, 6);
});

test('HTTP-107 the next request to a URL that said Retry-After waits, or fails at once with that status when it is too late', async (t) => {
  let answer: [number, string | undefined] = [200, undefined];
  const { api, requests } = await answering(t, (_request, response) => {
    const [status, after] = answer;
    response
      .writeHead(status, {
        'content-type': 'application/json',
        ...(after === undefined ? {} : { 'retry-after': after }),
      })
      .end('1');
  });
  answer = [429, '1'];
  assert.equal((await failure(api.call('post', {}))).code, 'HTTP_429');
  answer = [200, undefined];
  const late = await failure(api.call('post', {}, { timeoutMs: 500 }));
  assert.equal(late.code, 'HTTP_429');
  assert.deepEqual(late.details, { body: null, retry_after: '1' });
  assert.equal(requests.length, 1);
  const begun = performance.now();
  assert.equal(await api.call('a', {}), 1);
  assert.ok(performance.now() - begun > 200);
  assert.equal(requests.length, 2);
});

test('HTTP-108 a redirect is not followed with a credential; the token never reaches another origin', async (t) => {
  const other = await remote(t);
  const { api, requests } = await answering(
    t,
    (_request, response) => {
      response.writeHead(302, { location: `${other.url}/stolen` }).end();
    },
    { auth: { kind: 'bearer', secret: 'token' }, secrets: { token: 'sesame-sesame' } },
  );
  const error = await failure(api.call('a', {}));
  assert.equal(error.code, 'HTTP_302');
  assert.deepEqual(error.details, { body: null, location: `${other.url}/stolen` });
  assert.equal(requests[0]?.headers['authorization'], 'Bearer sesame-sesame');
  assert.equal(other.requests.length, 0);
});

test('HTTP-108 without a credential GET follows at most five redirects, and other methods none', async (t) => {
  let hops = 5;
  const { api, requests } = await answering(t, (request, response) => {
    const at = Number(new URL(request.url ?? '', 'http://x').searchParams.get('n') ?? 0);
    if (at < hops) response.writeHead(302, { location: `/a?n=${at + 1}` }).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(String(at));
  });
  assert.equal(await api.call('a', {}), 5);
  hops = 6;
  assert.equal((await failure(api.call('a', {}))).code, 'HTTP_302');
  const before = requests.length;
  assert.equal((await failure(api.call('post', {}))).code, 'HTTP_302');
  assert.equal(requests.length, before + 1);
});
