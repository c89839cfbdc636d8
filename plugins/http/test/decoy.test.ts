/** What everybody else sees: decoys and stealth. `docs/spec/http.md` 11. */

import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { drained, type HttpNode, httpNode, type Reply, versions } from './node.ts';

const page =
  '<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n' +
  '<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n';

function assertPage(reply: Reply, what = '') {
  assert.equal(reply.status, 404, what);
  assert.equal(reply.text, page, what);
  assert.equal(reply.headers['server'], 'nginx', what);
  assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8', what);
}

test('HTTP-01 GET /healthz is 200, text/plain, ok, without authentication, under every decoy and strict stealth', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  for (const config of [
    {},
    { decoy: { kind: 'redirect', to: 'https://example.org/' } },
    { decoy: { kind: 'static', root: node.directory } },
    { stealth: 'strict' },
  ]) {
    await node.configure(config);
    for (const version of versions) {
      const reply = await node.ask('/healthz', {}, version);
      assert.deepEqual(
        [reply.status, reply.headers['content-type'], reply.text],
        [200, 'text/plain; charset=utf-8', 'ok'],
      );
    }
    assert.equal((await node.ask('/healthz', { method: 'HEAD' })).text, '');
  }
});

test('HTTP-02 an unknown path gives the 404 page byte for byte, and no text of alknet', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  assert.equal(page.length, 146);
  for (const version of versions)
    for (const path of ['/', '/nope', '/a/b/c', '/call/x', '/index.html']) {
      if (path === '/' && (await node.ask('/', {}, version)).status === 200) continue;
      const reply = await node.ask(path, {}, version);
      assertPage(reply, path);
      assert.ok(!JSON.stringify(reply).toLowerCase().includes('alknet'));
      assert.equal(reply.headers['content-length'], '146');
      assert.equal(reply.headers['x-request-id'], undefined);
    }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])
    assertPage(await node.ask('/nope', { method }), method);
});

test('HTTP-03 the redirect decoy gives 302 and Location; the static decoy serves index and files with their types', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  await node.configure({ decoy: { kind: 'redirect', to: 'https://example.org/x' } });
  const redirect = await node.ask('/nope');
  assert.deepEqual(
    [redirect.status, redirect.headers['location'], redirect.headers['server'], redirect.text],
    [302, 'https://example.org/x', 'nginx', ''],
  );
  const root = join(node.directory, 'site');
  await mkdir(join(root, 'docs'), { recursive: true });
  await writeFile(join(root, 'index.html'), '<p>home</p>');
  await writeFile(join(root, 'docs', 'index.html'), '<p>docs</p>');
  await writeFile(join(root, 'style.css'), 'p{}');
  await writeFile(join(root, 'data.bin'), Buffer.from([0, 1, 2]));
  await writeFile(join(root, 'empty.txt'), '');
  await writeFile(join(root, 'large.js'), 'x'.repeat(300_000));
  await node.configure({ decoy: { kind: 'static', root }, page: false });
  for (const version of versions) {
    const get = async (path: string) => {
      const { status, text, headers } = await node.ask(path, {}, version);
      return [status, text, headers['content-type'], headers['server']];
    };
    assert.deepEqual(await get('/'), [200, '<p>home</p>', 'text/html; charset=utf-8', 'nginx']);
    assert.deepEqual(await get('/docs'), [200, '<p>docs</p>', 'text/html; charset=utf-8', 'nginx']);
    assert.deepEqual(await get('/style.css'), [200, 'p{}', 'text/css; charset=utf-8', 'nginx']);
    assert.deepEqual(await get('/data.bin'), [200, '\0\x01\x02', 'application/octet-stream', 'nginx']);
    assert.deepEqual(await get('/empty.txt'), [200, '', 'text/plain; charset=utf-8', 'nginx']);
    assert.equal((await node.ask('/large.js', {}, version)).text.length, 300_000);
    const head = await node.ask('/large.js', { method: 'HEAD' }, version);
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '300000', '']);
    assertPage(await node.ask('/missing.html', {}, version));
    assertPage(await node.ask('/style.css', { method: 'POST' }, version));
  }
});

test('HTTP-04 traversal, encoded traversal and a link out of the static root give the fake 404', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  const root = join(node.directory, 'site');
  await mkdir(join(root, 'inner'), { recursive: true });
  await writeFile(join(node.directory, 'secret.txt'), 'secret');
  await writeFile(join(root, 'in.txt'), 'in');
  await symlink(join(node.directory, 'secret.txt'), join(root, 'link.txt'));
  await symlink(node.directory, join(root, 'folder'));
  await symlink(join(node.directory, 'secret.txt'), join(root, 'inner', 'index.html'));
  await symlink(join(root, 'in.txt'), join(root, 'fine.txt'));
  await node.configure({ decoy: { kind: 'static', root }, page: false });
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/inner/../../secret.txt',
    '/link.txt',
    '/folder/secret.txt',
    '/inner',
    '/in.txt%00',
    '//in.txt',
    '/in.txt/',
  ])
    assertPage(await node.ask(path), path);
  assert.equal((await node.ask('/fine.txt')).text, 'in');
});

/** Every way to knock that the server knows, and some that it does not. */
const knocks: readonly (readonly [string, string])[] = [
  ...[
    '/search',
    '/schema?name=x',
    '/openapi.json',
    '/openapi/gateway.json',
    '/mcp',
    '/mcp/gateway',
    '/metrics',
  ].map((path) => ['GET', path] as const),
  ...[
    '/',
    '/lab/echo',
    '/lab/nothing',
    '/.well-known/alknet',
    '/raw/open',
    '/raw/basic',
    '/a%2fb',
    '/..',
    '//x',
  ].map((path) => ['GET', path] as const),
  ...['/call', '/batch', '/subscribe', '/mcp', '/lab/write', '/raw/open'].map(
    (path) => ['POST', path] as const,
  ),
  ...['OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND'].flatMap((method) => [
    [method, '/call'] as const,
    [method, '/lab/echo'] as const,
    [method, '/raw/open'] as const,
  ]),
];

const contributor = `
import { definePlugin } from '@alknet/sdk';
export default definePlugin({ name: 'raw', version: '1.0.0', contributes: { http: [
  { method: ['GET', 'POST', 'OPTIONS'], path: '/raw/open', cors: 'own', handler: () => new Response('raw', { headers: { 'access-control-allow-origin': '*' } }) },
  { method: 'GET', path: '/raw/basic', auth: 'basic', handler: (_request, { identity }) => new Response(identity === null ? 'who?' : identity.id, { status: identity === null ? 401 : 200 }) },
] } });`;

/** The bytes of one answer, but for the date. */
async function bytesOf(node: HttpNode, head: string, body = ''): Promise<string> {
  const socket = await node.socket();
  socket.end(`${head}\r\n\r\n${body}`);
  return (await drained(socket)).replace(/Date: [^\r]*\r\n/, '');
}

test('HTTP-51 under strict stealth every anonymous request gets the bytes of an unknown path, but for Date', async (t) => {
  const node = await httpNode({
    plugins: { raw: contributor },
    config: { stealth: 'strict', metrics: true, allowedOrigins: ['*'] },
    // So many forged tokens would shut this address out.
    top: { limits: { drain: '500ms', authFailuresPerAddress: 0 } },
  });
  t.after(() => node.stop());
  const unknown = await bytesOf(node, 'GET /unknown HTTP/1.1\r\nHost: x');
  assert.ok(unknown.endsWith(page) && unknown.startsWith('HTTP/1.1 404 Not Found\r\nServer: nginx\r\n'));
  const fields: readonly string[] = [
    '',
    '\r\nAuthorization: Bearer alk_unknownunknownunknownunknown',
    '\r\nAuthorization: Basic dXNlcjphbGtfdW5rbm93bnVua25vd251bmtub3du',
    '\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST',
    '\r\nAccept: text/event-stream',
    '\r\nExpect: tea',
    '\r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\nContent-Length: 0',
  ];
  for (const [method, path] of knocks)
    for (const field of fields)
      assert.equal(
        await bytesOf(node, `${method} ${path} HTTP/1.1\r\nHost: x${field}`),
        unknown,
        `${method} ${path}${field}`,
      );
  // Bodies: malformed, and larger than is taken.
  for (const path of ['/call', '/mcp', '/lab/write', '/nope']) {
    assert.equal(
      await bytesOf(
        node,
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1`,
        '{',
      ),
      unknown,
    );
    const large = 'x'.repeat(2 * 1024 * 1024 + 1);
    const begun = await bytesOf(
      node,
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${large.length}`,
      large,
    );
    assert.equal(begun, unknown, 'an oversized body');
  }
  // Upgrades and tunnels.
  const upgrade =
    '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  for (const path of ['/alknet/call', '/nope', '/call'])
    assert.equal(
      await bytesOf(node, `GET ${path} HTTP/1.1\r\nHost: x${upgrade}`),
      unknown,
      `upgrade at ${path}`,
    );
  assert.equal(
    await bytesOf(
      node,
      'GET /nope HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
    ),
    unknown,
  );
  assert.equal(await bytesOf(node, 'CONNECT x:443 HTTP/1.1\r\nHost: x:443'), unknown, 'CONNECT');
  // HTTP/2: fields and body of every knock.
  const plain = async (path: string, method: string) => {
    const { headers, text } = await node.ask(path, { method }, 'h2');
    const { date: _, ...rest } = headers;
    return JSON.stringify([rest, text]);
  };
  const unknown2 = await plain('/unknown', 'GET');
  for (const [method, path] of knocks)
    if (method !== 'TRACE') assert.equal(await plain(path, method), unknown2);
});

test('HTTP-52 under strict stealth a valid token is served as usual, and /.well-known/alknet is the decoy for it too', async (t) => {
  const node = await httpNode({ plugins: { raw: contributor }, config: { stealth: 'strict' } });
  t.after(() => node.stop());
  const token = await node.grant('ada', ['lab:admin']);
  for (const version of versions) {
    assert.equal((await node.ask('/call', { json: { operation: 'lab/echo' }, token }, version)).status, 200);
    assert.equal((await node.ask('/lab/admin?n=1', { token }, version)).text, '{"n":1}');
    assert.equal((await node.ask('/raw/open', { token }, version)).text, 'raw');
    assertPage(await node.ask('/.well-known/alknet', { token }, version));
    assertPage(await node.ask('/lab/echo', {}, version));
  }
  const basic = Buffer.from(`git:${token}`).toString('base64');
  assert.equal((await node.ask('/raw/basic', { headers: { authorization: `Basic ${basic}` } })).text, 'ada');
  assertPage(await node.ask('/lab/echo', { headers: { authorization: `Basic ${basic}` } }));
});
