/** Which certificate browsers and stock clients are shown. `docs/spec/identity.md` 7 and 8. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { eventually, type HttpNode, httpNode, run } from './node.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-cert-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A certificate that is its own authority, for these names, by OpenSSL. */
async function makePair(folder: string, name: string, names: string): Promise<Pair> {
  const pair = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const { code, stderr } = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90'],
    ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`, '-keyout', pair.key, '-out', pair.cert],
  ]);
  assert.equal(code, 0, stderr);
  return pair;
}

/** The subjectAltName shown; empty for the identity certificate, which has none. */
async function shown(node: HttpNode, options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: node.port, rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  const { subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

const http = { ALPNProtocols: ['h2'] };
const calls = { ALPNProtocols: ['alknet/call'] };

test('IDN-39 a server name of the file certificate gets it; another name, and none, get the identity certificate', async (t) => {
  const pair = await makePair(await folderOf(t), 'web', 'DNS:web.test,DNS:*.wild.test');
  const node = await httpNode({ top: { tls: pair }, entries: { call: true } });
  t.after(() => node.stop());
  const file = 'DNS:web.test, DNS:*.wild.test';
  for (const alpn of [http, calls]) {
    assert.equal(await shown(node, { servername: 'web.test', ...alpn }), file);
    assert.equal(await shown(node, { servername: 'WEB.test', ...alpn }), file);
    assert.equal(await shown(node, { servername: 'a.wild.test', ...alpn }), file);
    assert.equal(await shown(node, { servername: 'a.b.wild.test', ...alpn }), '');
    assert.equal(await shown(node, { servername: 'wild.test', ...alpn }), '');
    assert.equal(await shown(node, { servername: 'other.test', ...alpn }), '');
    assert.equal(await shown(node, alpn), '');
  }
  const row = node.node.status().certificates.find(({ kind }) => kind === 'file');
  assert.deepEqual(row?.names, ['DNS:web.test', 'DNS:*.wild.test']);
});

test('IDN-40 without SNI a client of h2 on an address of the file certificate gets it; one of alknet/call gets the identity', async (t) => {
  const pair = await makePair(await folderOf(t), 'web', 'DNS:web.test,IP:127.0.0.1');
  const node = await httpNode({ top: { tls: pair }, entries: { call: true } });
  t.after(() => node.stop());
  const file = 'DNS:web.test, IP Address:127.0.0.1';
  assert.equal(await shown(node, http), file);
  assert.equal(await shown(node, { ALPNProtocols: [] }), file);
  assert.equal(await shown(node, calls), '');
  assert.equal(await shown(node, { ALPNProtocols: ['h2', 'alknet/call'] }), '');
});

test('IDN-41 curl with a locally trusted certificate reaches /healthz without options that weaken it', async (t) => {
  const pair = await makePair(await folderOf(t), 'web', 'DNS:web.test');
  const node = await httpNode({ top: { tls: pair } });
  t.after(() => node.stop());
  const url = `https://web.test:${node.port}/healthz`;
  const resolve = ['--resolve', `web.test:${node.port}:127.0.0.1`, '-sS', url];
  for (const version of ['--http1.1', '--http2']) {
    const { code, stdout, stderr } = await run('curl', ['--cacert', pair.cert, version, ...resolve]);
    assert.deepEqual([code, stdout], [0, 'ok'], stderr);
  }
  // Without that trust it is refused: the test could fail.
  assert.notEqual((await run('curl', resolve)).code, 0);
});

test('IDN-42 replacing certificate and key files is served to new connections within 65 s without dropping a live one', async (t) => {
  const folder = await folderOf(t);
  const first = await makePair(folder, 'first', 'DNS:web.test,DNS:first.test');
  const second = await makePair(folder, 'second', 'DNS:web.test,DNS:second.test');
  const pair = { cert: join(folder, 'live.pem'), key: join(folder, 'live.key') };
  await copyFile(first.cert, pair.cert);
  await copyFile(first.key, pair.key);
  const node = await httpNode({ top: { tls: pair } });
  t.after(() => node.stop());
  const live = await node.socket();
  const web = { servername: 'web.test', ...http };
  assert.match(await shown(node, web), /first/);
  // One after the other, as programs do; in between the two do not fit.
  await rename(second.cert, pair.cert);
  await new Promise((next) => setTimeout(next, 100));
  await rename(second.key, pair.key);
  await eventually('the new certificate', async () => /second/.test(await shown(node, web)), 65_000);
  assert.ok(!JSON.stringify(node.log()).includes('certificate refused'));
  await answers(live);
});

/** The connection is served still. */
async function answers(socket: TLSSocket): Promise<void> {
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  assert.match(String(chunk), /^HTTP\/1\.1 200/);
  socket.destroy();
}

test('IDN-43 a key file that does not fit its certificate ends the start, and at run time leaves the old pair in use', async (t) => {
  const folder = await folderOf(t);
  const first = await makePair(folder, 'first', 'DNS:web.test,DNS:first.test');
  const second = await makePair(folder, 'second', 'DNS:web.test');
  const encrypted = join(folder, 'encrypted.key');
  await run('openssl', ['ec', '-in', first.key, '-out', encrypted, '-aes256', '-passout', 'pass:x']);
  const faults: [Partial<Pair>, RegExp][] = [
    [{ cert: first.cert, key: second.key }, /tls\.key: does not belong to the certificate/],
    [{ cert: first.cert }, /tls\.cert is given without tls\.key/],
    [{ key: first.key }, /tls\.key is given without tls\.cert/],
    [{ cert: join(folder, 'none.pem'), key: first.key }, /none\.pem cannot be read: ENOENT/],
    [{ cert: first.key, key: first.key }, /expected a PEM certificate/],
    [{ cert: first.cert, key: encrypted }, /encrypted/],
  ];
  for (const [tls, message] of faults) {
    await assert.rejects(httpNode({ top: { tls } }), (error: Error & { code?: string }) => {
      assert.match(error.message, message);
      return error.code === 'CertLoad';
    });
  }
  const node = await httpNode({ top: { tls: first } });
  t.after(() => node.stop());
  await copyFile(second.key, first.key);
  await eventually('the refusal', () => JSON.stringify(node.log()).includes('certificate refused'), 10_000);
  assert.match(await shown(node, { servername: 'web.test', ...http }), /first/);
  assert.match(JSON.stringify(node.node.status().problems), /does not belong/);
});

test('IDN-36 TLS 1.2 is refused by default; with tls.minVersion 1.2 it is accepted for h2 and refused for alknet/call', async (t) => {
  const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
  const pair = await makePair(await folderOf(t), 'web', 'IP:127.0.0.1,DNS:web.test');
  const strict = await httpNode({ top: { tls: pair }, entries: { call: true } });
  t.after(() => strict.stop());
  const web = { servername: 'web.test' };
  for (const alpn of [http, calls, { ALPNProtocols: ['http/1.1'] }])
    await assert.rejects(shown(strict, { ...old, ...alpn, ...web }));
  const node = await httpNode({ top: { tls: { ...pair, minVersion: '1.2' } }, entries: { call: true } });
  t.after(() => node.stop());
  for (const alpn of [http, { ALPNProtocols: ['http/1.1'] }, { ALPNProtocols: [] }])
    assert.match(await shown(node, { ...old, ...alpn, ...web }), /web\.test/);
  await assert.rejects(shown(node, { ...old, ...calls, ...web }));
  const { code, stdout } = await run('curl', [
    ...['-sk', '--tlsv1.2', '--tls-max', '1.2', '--resolve', `web.test:${node.port}:127.0.0.1`],
    ...['-w', ' %{http_version}', `https://web.test:${node.port}/healthz`],
  ]);
  assert.deepEqual([code, stdout], [0, 'ok 2']);
});

test('IDN-46 acme-tls/1 without tls.acme reaches no plugin and logs no warning', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  await assert.rejects(shown(node, { ALPNProtocols: ['acme-tls/1'], servername: 'web.test' }));
  assert.ok(
    !node.log().some(({ level }) => level === 'warn' || level === 'error'),
    JSON.stringify(node.log()),
  );
  assert.equal((await node.ask('/healthz')).status, 200);
});
