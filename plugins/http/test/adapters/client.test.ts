import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { type ClientConfig, HttpClient } from '../../src/adapters/client.ts';
import { document, imported, ok, remote } from './harness.ts';

const run = promisify(execFile);
const source = document({
  '/a': { get: { operationId: 'a', ...ok } },
  '/slow': { get: { operationId: 'slow', ...ok } },
});

/** An authority of its own, a certificate of it for localhost, and one for a client. */
async function certificates(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-ca-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority');
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=adapter'],
  ] as const) {
    const of = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    await openssl(
      'req',
      '-x509',
      ...key,
      ...of,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      subject,
    );
  }
  const path = (name: string) => join(folder, name);
  return { path, read: (name: string) => readFile(path(name), 'utf8') };
}

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function made(t: TestContext, config: Partial<ClientConfig>): HttpClient {
  const client = new HttpClient({ connections: 4, ...config });
  t.after(() => client.close());
  return client;
}

test('a remote is trusted by client.ca, sees client.cert, and is spoken to over HTTP/2 where it can', async (t) => {
  const { path, read } = await certificates(t);
  const seen: unknown[] = [];
  const server = createSecureServer(
    {
      key: await read('server.key'),
      cert: await read('server.pem'),
      ca: await read('ca.pem'),
      requestCert: true,
      rejectUnauthorized: false,
      allowHTTP1: true,
    },
    (request, response) => {
      const socket = request.stream?.session?.socket ?? request.socket;
      seen.push([request.httpVersion, (socket as TLSSocket).getPeerCertificate().subject?.CN]);
      response.setHeader('content-type', 'application/json');
      response.end('1');
    },
  );
  const baseUrl = `https://localhost:${await listening(t, server)}`;
  const call = async (config: Partial<ClientConfig>) =>
    (await imported(t, source, { baseUrl, retries: 0, client: made(t, config) })).call('a', {});
  await assert.rejects(call({}), {
    code: 'INTERNAL',
    message: /no answer from https:\/\/localhost:\d+ \(.*CERT/i,
  });
  assert.equal(seen.length, 0);
  assert.equal(await call({ ca: path('ca.pem') }), 1);
  assert.equal(await call({ ca: path('ca.pem'), cert: path('client.pem'), key: path('client.key') }), 1);
  assert.deepEqual(seen, [
    ['2.0', undefined],
    ['2.0', 'adapter'],
  ]);
  const api = await imported(t, source, { baseUrl, client: made(t, { ca: path('ca.pem') }) });
  assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => api.call('a', {}))), Array(50).fill(1));
});

test('over HTTP/2 an aborted call resets its stream and leaves the others', async (t) => {
  const { path, read } = await certificates(t);
  let closed: Promise<unknown> = Promise.resolve();
  let arrived: () => void = () => {};
  const here = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createSecureServer({ key: await read('server.key'), cert: await read('server.pem') });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':path'] === '/slow') {
      closed = once(stream, 'close');
      arrived();
      return;
    }
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end('1');
  });
  const baseUrl = `https://localhost:${await listening(t, server)}`;
  const api = await imported(t, source, { baseUrl, client: made(t, { ca: path('ca.pem') }) });
  const stop = new AbortController();
  const slow = assert.rejects(api.call('slow', {}, { signal: stop.signal }), { code: 'ABORTED' });
  await here;
  stop.abort();
  await slow;
  await closed;
  assert.equal(await api.call('a', {}), 1);
});

test('a proxy is used when the configuration names one, and only then', async (t) => {
  const { url, requests } = await remote(t);
  const tunnels: string[] = [];
  const proxy = createHttpServer((_request, response) => response.writeHead(400).end());
  proxy.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const each of [onward, socket]) each.on('error', () => {});
  });
  const port = await listening(t, proxy);
  const client = made(t, { proxy: `http://127.0.0.1:${port}` });
  const api = await imported(t, source, { baseUrl: url, client });
  await api.call('a', {});
  assert.deepEqual(tunnels, [url.slice('http://'.length)]);
  assert.equal(requests.length, 1);
  await (await imported(t, source, { baseUrl: url })).call('a', {});
  assert.equal(tunnels.length, 1);
});

test('HTTP-113 a new configuration of the client serves new requests, and a bad one leaves the old at work', async (t) => {
  let arrived: (release: () => void) => void = () => {};
  const held = new Promise<() => void>((resolve) => {
    arrived = resolve;
  });
  const { url } = await remote(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/slow') arrived(() => response.end('"slow"'));
    else response.end('"quick"');
  });
  const client = made(t, {});
  const api = await imported(t, source, { baseUrl: url, client });
  const slow = api.call('slow', {});
  const release = await held;
  for (const bad of [
    { ca: '/no/such/file' },
    { cert: '/no/such/file' },
    { key: '/no/such/file' },
    { proxy: 'not a url' },
  ])
    assert.throws(() => client.configure({ connections: 4, ...bad }), {
      code: 'AdapterConfig',
      message: /^client\./,
    });
  assert.equal(await api.call('a', {}), 'quick');
  client.configure({ connections: 1 });
  assert.equal(await api.call('a', {}), 'quick');
  release();
  assert.equal(await slow, 'slow');
});
