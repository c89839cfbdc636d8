import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dialProxy } from '../../src/cli/dial-proxy.ts';
import { dial } from '../../src/client.ts';

test('a proxy has its user in the URL and its password in a file, or both in the file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-proxy-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'auth');
  await writeFile(file, 'open:sesame\n', { mode: 0o600 });
  const address = { protocol: 'socks5', host: '::1', port: 1080 };
  assert.equal(await dialProxy(undefined, undefined), undefined);
  assert.deepEqual(await dialProxy('socks5://[::1]:1080', undefined), { address });
  assert.deepEqual(await dialProxy('socks5://[::1]:1080', file), {
    address,
    credentials: { user: 'open', password: 'sesame' },
  });
  assert.deepEqual(await dialProxy('http://a%40b@proxy.example', file), {
    address: { protocol: 'http', host: 'proxy.example', port: 80 },
    credentials: { user: 'a@b', password: 'open:sesame' },
  });
  for (const [url, auth, what] of [
    ['socks5://ana:sesame@[::1]:1080', undefined, /a password on the command line/],
    ['socks5://ana@[::1]:1080', undefined, /give --proxy-auth-file/],
    ['ftp://proxy.example:1', undefined, /a proxy is written socks5:\/\/HOST:PORT or http/],
    ['socks5://%zz@[::1]:1080', undefined, /the user holds a %/],
    [undefined, file, /expected --proxy URL beside it/],
  ] as const)
    await assert.rejects(dialProxy(url, auth), (error: Error & { exit?: unknown }) => {
      assert.equal(error.exit, 2);
      assert.doesNotMatch(error.message, /sesame/);
      return what.test(error.message);
    });
  await chmod(file, 0o644);
  await assert.rejects(dialProxy('socks5://[::1]:1080', file), /has rights on/);
});

test('a dial through a proxy that never answers ends with its time, and refuses QUIC', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const proxy = { address: { protocol: 'socks5', host: '127.0.0.1', port } } as const;
  const target = `127.0.0.1:${port}#ed25519:${'0'.repeat(63)}1`;
  await assert.rejects(dial(target, 'alknet/call', { proxy, timeoutMs: 200 }), {
    name: 'DialError',
    code: 'HandshakeTimeout',
  });
  const controller = new AbortController();
  const cancelled = dial(target, 'alknet/call', { proxy, signal: controller.signal });
  controller.abort();
  await assert.rejects(cancelled, { name: 'DialError', code: 'Aborted' });
  await assert.rejects(dial(target, 'alknet/call', { proxy, transport: 'quic' }), {
    code: 'Connect',
    message: /a proxy carries TLS over TCP/,
  });
});
