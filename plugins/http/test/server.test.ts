/** Connections: versions, transports, order, limits. `docs/spec/http.md` 2, 3 and 23. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { dialQuic } from './dial-quic.ts';
import { drained, eventually, type HttpNode, httpNode, over, run, versions } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode({ config: { limits: { headerTimeout: '1s', keepAlive: '2s', bodyTimeout: '1s' } } });
});
after(() => node.stop());

test('HTTP-05 HTTP/1.1 and HTTP/2 are served over TLS on TCP by ALPN, to stock curl', async () => {
  const get = async (...args: string[]) => {
    const { code, stdout, stderr } = await run('curl', [
      '-sk',
      '-w',
      ' %{http_version} %{http_code}',
      ...args,
    ]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.equal(await get('--http1.1', `${node.url}/healthz`), 'ok 1.1 200');
  assert.equal(await get('--http2', `${node.url}/healthz`), 'ok 2 200');
  const body = ['-H', 'Content-Type: application/json', '-d', '{"name":"curl"}'];
  assert.equal(await get('--http1.1', ...body, `${node.url}/lab/hello`), '"hello, curl" 1.1 200');
  assert.equal(await get('--http2', ...body, `${node.url}/lab/hello`), '"hello, curl" 2 200');
  assert.equal(
    await get('-I', '--http2', `${node.url}/healthz`).then((text) => /HTTP\/2 200/.test(text)),
    true,
  );
});

test('HTTP-06 a client without ALPN is served HTTP/1.1', async () => {
  const socket = await node.socket('');
  socket.end('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(await drained(socket), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
});

test('HTTP-07 on a QUIC connection with ALPN h2, several streams carry an HTTP connection each, at the same time', async (t) => {
  const connection = await dialQuic(t, node, 'h2');
  const sessions = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const stream = await connection.openStream();
      return connectHttp2('http://node', { createConnection: () => stream });
    }),
  );
  const answers = await Promise.all(
    sessions.map(async (session, n) => {
      const stream = session.request({ ':path': `/lab/hello?name=${n}` });
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      await once(stream, 'end');
      return Buffer.concat(chunks).toString();
    }),
  );
  assert.deepEqual(
    answers,
    sessions.map((_, n) => `"hello, ${n}"`),
  );
  for (const session of sessions) session.destroy();
});

test('HTTP/1.1 on a QUIC stream is served, and the connection has room for more', async (t) => {
  const connection = await dialQuic(t, node, 'http/1.1');
  for (let n = 0; n < 3; n++) {
    const stream = await connection.openStream();
    stream.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(await drained(stream), /^HTTP\/1\.1 200 OK[\s\S]*ok$/);
  }
});

test('HTTP-08 bytes that do not fit the ALPN close that stream only', async (t) => {
  for (const alpn of versions) {
    const socket = await node.socket(alpn);
    socket.write(alpn === 'h2' ? 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' : Buffer.alloc(64, 0x16));
    socket.resume();
    await over(socket);
  }
  const connection = await dialQuic(t, node, 'h2');
  const wrong = await connection.openStream();
  const right = await connection.openStream();
  wrong.on('error', () => {});
  wrong.write(Buffer.alloc(64, 0x16));
  const closed = drained(wrong);
  const session = connectHttp2('http://node', { createConnection: () => right });
  const stream = session.request({ ':path': '/healthz' });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  await closed;
  const again = session.request({ ':path': '/healthz' });
  assert.equal(((await once(again, 'response')) as [Record<string, unknown>])[0][':status'], 200);
  session.destroy();
});

test('HTTP-09 headers that come too slowly close the connection; others are served meanwhile', async () => {
  const slow = await node.socket();
  const begun = performance.now();
  const closed = over(slow).then(() => performance.now() - begun);
  slow.resume();
  slow.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  const drip = setInterval(() => slow.writable && slow.write('X: y\r\n'), 200);
  const frames = await node.socket('h2');
  frames.resume();
  const framesClosed = over(frames);
  for (let n = 0; n < 5; n++) assert.equal((await node.ask('/healthz')).status, 200);
  const taken = await closed;
  clearInterval(drip);
  assert.ok(taken >= 900 && taken < 6000, `${taken} ms`);
  // A session of HTTP/2 that says nothing, too.
  await framesClosed;
});

test('a body that comes too slowly is 408, and its connection ends', async () => {
  const socket = await node.socket();
  socket.write(
    'POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  );
  const text = await drained(socket);
  assert.match(text, /^HTTP\/1\.1 408 /);
  assert.match(text, /"code":"INVALID_INPUT"/);
});

test('an idle connection is closed after http.limits.keepAlive, one that is used is not', async () => {
  for (const alpn of versions) {
    const idle = await node.socket(alpn);
    idle.resume();
    if (alpn === 'http/1.1') idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await over(idle);
  }
  const used = await node.socket();
  let answers = 0;
  used.on('data', (chunk: Buffer) => {
    answers += chunk.toString('latin1').split('HTTP/1.1 200').length - 1;
  });
  // Half as long again as keepAlive has to pass.
  for (let n = 0; n < 6; n++) {
    used.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await eventually('six answers', () => answers === 6);
  used.destroy();
});

test('requests of one connection are answered in order, and too many at once end it', async () => {
  const socket = await node.socket();
  const paths = ['/lab/brief', '/lab/hello?name=1', '/lab/hello?name=2'];
  for (const path of paths) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const text = await drained(socket);
  const at = ['504', '"hello, 1"', '"hello, 2"', '\r\n\r\nok'].map((part) => text.indexOf(part));
  assert.ok(
    at.every((place, n) => place >= 0 && place > (at[n - 1] ?? -1)),
    text,
  );
  const many = await node.socket();
  many.resume();
  many.write('GET /lab/brief HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(150));
  await over(many);
});

test('requests behind one whose client has gone are not begun', async () => {
  const state = async () => (await node.ask('/lab/state')).json() as { ran: number; aborted: number };
  const before = await state();
  const socket = await node.socket();
  socket.write('GET /lab/wait HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
  await eventually('the first runs', async () => (await state()).ran === before.ran + 1);
  socket.destroy();
  await eventually('it has ended', async () => (await state()).aborted > before.aborted);
  assert.equal((await state()).ran, before.ran + 1);
});

test('a target over 8 KiB is 414 and fields over 16 KiB are 431, on both versions', async () => {
  for (const version of versions) {
    assert.equal((await node.ask(`/${'a'.repeat(8200)}`, {}, version)).status, 414);
    const headers = { 'x-large': 'a'.repeat(17_000) };
    assert.equal((await node.ask('/healthz', { headers }, version)).status, 431);
  }
  // What is far beyond is not read to its end.
  const socket = await node.socket();
  socket.resume();
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(200_000)}\r\n\r\n`);
  await over(socket);
});

test('426 says what to upgrade to on HTTP/1.1, and not on HTTP/2, which has no such field', async () => {
  const token = await node.grant('ada');
  const plain = await node.ask('/alknet/call', { token, headers: { connection: 'keep-alive' } });
  assert.deepEqual(
    [plain.status, plain.headers['upgrade'], plain.headers['connection']],
    [426, 'websocket', 'Upgrade'],
  );
  const h2 = await node.ask('/alknet/call', { token }, 'h2');
  assert.deepEqual([h2.status, h2.headers['upgrade']], [426, undefined]);
});

test('a request of HTTP/2 with content-length 0 is answered before its stream ends', async (t) => {
  const session = await node.session();
  t.after(() => session.destroy());
  const stream = session.request(
    { ':method': 'POST', ':path': '/lab/echo', 'content-length': '0' },
    { endStream: false },
  );
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  stream.resume();
  await once(stream, 'close');
  assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
});

test('HTTP-17 a client certificate of a peer gives a request no rights', async (t) => {
  const { certificate, key, fingerprint } = await peerCertificate();
  await node.admit('cert', fingerprint, ['lab:admin']);
  const socket = connectTls({
    host: '127.0.0.1',
    port: node.port,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    cert: certificate,
    key,
  });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  socket.end('GET /lab/who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(await drained(socket), /\{"id":null\}$/);
});

test('IDN-33 a client certificate on an h2 connection gives its requests no identity', async (t) => {
  const { certificate, key, fingerprint } = await peerCertificate();
  await node.admit('cert', fingerprint, ['lab:admin']);
  const session = connectHttp2(node.url, { rejectUnauthorized: false, cert: certificate, key });
  t.after(() => session.destroy());
  for (const [path, status] of [
    ['/lab/admin?n=1', 401],
    ['/lab/who', 200],
  ] as const) {
    const stream = session.request({ ':path': path });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    await once(stream, 'end');
    assert.equal(headers[':status'], status);
    if (status === 200) assert.equal(Buffer.concat(chunks).toString(), '{"id":null}');
  }
  const bearer = await node.grant('ada', []);
  const stream = session.request({ ':path': '/lab/who', authorization: `Bearer ${bearer}` });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  assert.equal(Buffer.concat(chunks).toString(), '{"id":"ada"}');
});

/** An identity of alknet's own kind. */
async function peerCertificate() {
  const { generateKeyPairSync } = await import('node:crypto');
  const { ed25519Fingerprint, identityCertificate, identityKey } = await import(
    '../../../host/src/identity/index.ts'
  );
  const { d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const own = identityKey(Buffer.from(d ?? '', 'base64url'));
  const { cert, key } = identityCertificate(own);
  return { certificate: cert, key, fingerprint: ed25519Fingerprint(own.publicKey) };
}
