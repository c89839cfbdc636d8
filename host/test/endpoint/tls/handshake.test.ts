import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { DialError } from '../../../src/endpoint/dial-error.ts';
import { keyWithoutSecret, makeCertificate } from '../certificates.ts';
import { errorOf, type Listening, listening, readAll, serverCertificate, streamOf } from './support.ts';

function stock(t: TestContext, server: Listening, options: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({
    host: '127.0.0.1',
    port: server.address.port,
    ALPNProtocols: ['test/echo'],
    rejectUnauthorized: false,
    ...options,
  });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  return socket;
}

const failure = async (socket: TLSSocket): Promise<string> =>
  new Promise((resolve) =>
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)),
  );

test('END-22 a ClientHello in single-byte TCP segments is read correctly', async (t) => {
  const server = await listening(t);
  // A proxy that passes the first 1000 bytes of the client one by one.
  const proxy = createServer((client) => {
    const upstream = connectTcp({ port: server.address.port, host: '127.0.0.1', noDelay: true });
    upstream.pipe(client);
    client.on('error', () => {});
    upstream.on('error', () => {});
    void drip(client, upstream);
  });
  const drip = async (client: Socket, upstream: Socket) => {
    let dripped = 0;
    for await (const chunk of client) {
      for (const byte of chunk as Buffer) {
        upstream.write(Uint8Array.of(byte));
        if (++dripped <= 1000) await new Promise(setImmediate);
      }
    }
  };
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const dialled = await server.dial({ address: { address: '127.0.0.1', port }, serverName: 'Name.Example' });
  const accepted = await server.next();
  assert.deepEqual(server.hellos, [{ serverName: 'name.example', alpns: ['test/echo'] }]);
  assert.equal(accepted.serverName, 'name.example');
  (await streamOf(dialled)).end('through');
  assert.equal((await readAll(await streamOf(accepted))).toString(), 'through');
});

test('END-17 IDN-38 no overlap of ALPNs is alert 120 over TLS, and the listener goes on', async (t) => {
  const server = await listening(t);
  const refused = stock(t, server, { ALPNProtocols: ['unknown/one', 'unknown/two'] });
  assert.equal(await failure(refused), 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  await assert.rejects(server.dial({ alpn: 'unknown/one' }), { code: 'NoAlpn' });
  assert.deepEqual(server.failures, ['alpn', 'alpn']);
  assert.equal(server.waiting, 0);
  await server.dial();
  assert.equal((await server.next()).alpn, 'test/echo');
});

test('the preference of the server decides among the ALPNs that a client offers', async (t) => {
  const server = await listening(t, { parameters: { alpns: ['h2', 'test/echo'] } });
  const socket = stock(t, server, { ALPNProtocols: ['test/echo', 'h2'] });
  await once(socket, 'secureConnect');
  assert.equal(socket.alpnProtocol, 'h2');
  assert.equal((await server.next()).alpn, 'h2');
});

test('END-25 a client without the ALPN extension gets the fallback over TLS, or is refused before TLS', async (t) => {
  const serving = await listening(t, {
    parameters: { alpns: ['http/1.1'] },
    listen: { fallbackAlpn: 'http/1.1' },
  });
  stock(t, serving, { ALPNProtocols: [] });
  assert.equal((await serving.next()).alpn, 'http/1.1');

  for (const listen of [{ fallbackAlpn: null }, { fallbackAlpn: 'dot' }, {}]) {
    const refusing = await listening(t, { parameters: { alpns: ['http/1.1'] }, listen });
    const tcp = connectTcp(refusing.address.port, '127.0.0.1');
    const tls = connectTls({ socket: tcp, rejectUnauthorized: false });
    assert.equal(await failure(tls), 'ECONNRESET');
    assert.equal(tcp.bytesRead, 0, 'not one byte of TLS came');
    assert.equal(refusing.waiting, 0);
  }
});

test('END-19 IDN-32 a certificate is asked for only when the policy says so', async (t) => {
  const client = makeCertificate();
  for (const clientCertificate of ['none', 'request'] as const) {
    const server = await listening(t, { parameters: { clientCertificate } });
    stock(t, server, { cert: client.cert, key: client.key });
    const shown = (await server.next()).peerCertificate;
    assert.deepEqual(shown && Buffer.from(shown), clientCertificate === 'none' ? null : client.der);
  }
});

test('END-12 IDN-27 a client without a certificate is accepted over TLS where one was asked for', async (t) => {
  const server = await listening(t);
  stock(t, server);
  assert.equal((await server.next()).peerCertificate, null);
});

test('END-11 IDN-29 a client that shows a certificate without its key completes no handshake over TLS', async (t) => {
  const peer = makeCertificate({ key: 'p256' });
  const server = await listening(t);
  const thief = stock(t, server, { cert: peer.cert, key: keyWithoutSecret(peer) });
  assert.match(await failure(thief), /ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR|ECONNRESET/);
  assert.equal(server.waiting, 0);
  assert.deepEqual(server.failures, ['tls']);
  stock(t, server, { cert: peer.cert, key: peer.key });
  assert.deepEqual(Buffer.from((await server.next()).peerCertificate ?? []), peer.der);
});

test('a client whose certificate is refused after its own handshake is told by the transport, and so is its stream', async (t) => {
  const stolen = makeCertificate({ key: 'p256' });
  const server = await listening(t);
  const dialled = await server.dial({ certificate: { cert: stolen.cert, key: keyWithoutSecret(stolen) } });
  const failed = errorOf(await streamOf(dialled));
  const reason = 'TLS failed: tlsv1 alert decrypt error';
  assert.deepEqual(await dialled.closed, { code: 0, reason, by: 'transport' });
  const error = await failed;
  assert.deepEqual([error.name, error.code, error.message], ['ConnectionError', 'INTERNAL', reason]);
});

test('END-23 IDN-35 early data of a client reaches nobody, and its connection goes on without it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-early-'));
  t.after(() => rm(directory, { recursive: true }));
  const session = join(directory, 'session');
  const early = join(directory, 'early');
  await writeFile(join(directory, 'cert.pem'), serverCertificate.cert);
  await writeFile(join(directory, 'key.pem'), serverCertificate.key);
  await writeFile(early, 'EARLY');
  // A ticket that allows early data comes from another server: this node gives out none.
  const port = await freePort();
  const other = spawn('openssl', [
    ...[
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-early_data',
      '-max_early_data',
      '1000',
      '-tls1_3',
      '-quiet',
    ],
    ...['-cert', join(directory, 'cert.pem'), '-key', join(directory, 'key.pem'), '-alpn', 'test/echo'],
  ]);
  t.after(() => other.kill());
  await reachable(port);
  await openssl(
    ['s_client', '-connect', `127.0.0.1:${port}`, '-sess_out', session, '-alpn', 'test/echo'],
    'x\n',
  );

  const server = await listening(t);
  const replay = openssl(
    [
      's_client',
      '-connect',
      `127.0.0.1:${server.address.port}`,
      '-sess_in',
      session,
      '-early_data',
      early,
      '-alpn',
      'test/echo',
    ],
    'late\n',
  );
  const stream = await streamOf(await server.next());
  const [first] = await once(stream, 'data');
  assert.equal(first.toString(), 'late\n');
  stream.end();
  assert.match(await replay, /Early data was rejected/);
});

test('IDN-34 a node resumes no session: a second handshake shows the certificate anew, and a session alone none', async (t) => {
  const client = makeCertificate();
  const server = await listening(t);
  const first = stock(t, server, { cert: client.cert, key: client.key });
  let session: Buffer | undefined;
  first.on('session', (given) => {
    session = given;
  });
  const accepted = await server.next();
  (await streamOf(accepted)).write('x');
  await once(first, 'data');
  first.destroy();
  const second = stock(t, server, { session: session ?? first.getSession() });
  assert.equal((await server.next()).peerCertificate, null);
  assert.equal(second.isSessionReused(), false);
});

test('END-03 IDN-37 silent and failing handshakes delay no good one over TLS, and are gone after the limit', async (t) => {
  const server = await listening(t, { handshakeTimeout: 2000 });
  const silent = Array.from({ length: 100 }, (_none, index) => {
    const socket = connectTcp(server.address.port, '127.0.0.1');
    socket.on('error', () => {});
    // Every third says nothing, every third stops within its ClientHello, every third never was TLS.
    if (index % 3 === 1) socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
    if (index % 3 === 2) socket.write('GET / HTTP/1.1\r\n\r\n');
    return { socket, gone: new Promise((resolve) => socket.once('close', resolve)) };
  });
  await Promise.all(silent.map(({ socket }) => socket.pending && once(socket, 'connect')));
  await server.dial();
  await server.next();
  assert.ok(!server.failures.includes('timeout'), 'a good handshake waited until the silent ones were gone');
  await Promise.all(silent.map(({ socket, gone }) => socket.resume() && gone));
  assert.equal(server.failures.length, 100);
  assert.equal(server.failures.filter((cause) => cause === 'timeout').length, 67);
});

test('TLS 1.2 is refused', async (t) => {
  const server = await listening(t);
  assert.equal(
    await failure(stock(t, server, { maxVersion: 'TLSv1.2' })),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  );
});

test('a drained TLS listener accepts nothing, drops handshakes under way and keeps its connections', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  const accepted = await server.next();
  const half = connectTcp(server.address.port, '127.0.0.1');
  half.on('error', () => {});
  await once(half, 'connect');
  await server.dial().then(() => server.next());
  const gone = new Promise((resolve) => half.once('close', resolve));
  server.drain();
  half.resume();
  await gone;
  await assert.rejects(server.dial(), { code: 'Connect' });
  (await streamOf(client)).end('still here');
  assert.equal((await readAll(await streamOf(accepted))).toString(), 'still here');
});

test('IDN-54 a dial whose check refuses the certificate sends no application byte', async (t) => {
  const server = await listening(t);
  const mismatch = new DialError('PeerMismatch', 'expected A, got B');
  const chains: (readonly Uint8Array[])[] = [];
  const dialled = server.dial({
    verify: (chain) => {
      chains.push(chain);
      throw mismatch;
    },
  });
  await assert.rejects(dialled, mismatch);
  assert.deepEqual(
    chains[0]?.map((der) => Buffer.from(der)),
    [serverCertificate.der],
  );
  // The server may or may not have seen the end of the handshake; if so, nothing followed it.
  while (server.failures.length + server.waiting === 0) await new Promise(setImmediate);
  if (server.waiting > 0) assert.equal((await readAll(await streamOf(await server.next()))).length, 0);
});

test('END-47 a TLS dial to a dead, a refusing and a silent address fails with one line', async (t) => {
  const dead = await freePort();
  const server = await listening(t);
  await assert.rejects(server.dial({ address: { address: '127.0.0.1', port: dead } }), {
    code: 'Connect',
    message: `127.0.0.1:${dead} over TLS: ECONNREFUSED`,
  });
  const refusing = await listening(t, { admit: () => false });
  await assert.rejects(server.dial({ address: refusing.address }), { code: 'Refused' });
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const address = { address: '127.0.0.1', port: (silent.address() as AddressInfo).port };
  await assert.rejects(server.dial({ address, timeoutMs: 100 }), { code: 'HandshakeTimeout' });
  const controller = new AbortController();
  const aborted = server.dial({ address, signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, { code: 'Aborted' });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function reachable(port: number): Promise<void> {
  for (;;) {
    const socket = connectTcp(port, '127.0.0.1');
    const up = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function openssl(args: string[], input: string): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile('openssl', args, { timeout: 10_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
    child.stdin?.write(input);
    // s_client ends its session with its input; give the server time to speak by closing when it has said something.
    setTimeout(() => child.stdin?.end(), 500);
  });
}
