import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type ProxyAddress, parseCredentials, parseProxy } from '@alknet/sdk';
import { Reply, reply, Socks5Handshake } from '../../src/client/socks5.ts';
import { connectThrough } from '../../src/forward/egress-proxy.ts';
import { served } from '../served.ts';

const credentials = { user: 'ana', password: 'open:sesame' };

/** A SOCKS5 proxy that is its own target: it answers with what was asked for, and then echoes. */
function socksProxy(
  t: TestContext,
  { users = false, code = Reply.SUCCEEDED as number } = {},
): Promise<number> {
  return served(t, (socket) => {
    const checked = (user: string, password: string) =>
      user === credentials.user && password === credentials.password;
    const handshake = new Socks5Handshake(users ? checked : undefined);
    socket.on('data', function onData(chunk: Buffer) {
      const step = handshake.push(chunk);
      if (step.answer) socket.write(step.answer);
      if (step.kind === 'close') socket.end();
      if (step.kind !== 'connect') return;
      socket.off('data', onData);
      const answer = Buffer.from(reply(Reply.SUCCEEDED));
      answer[1] = code;
      socket.write(Buffer.concat([answer, Buffer.from(`${step.host} ${step.port}\n`)]));
      socket.pipe(socket);
    });
  });
}

function httpProxy(t: TestContext, status = '200 OK'): Promise<number> {
  return served(t, (socket) => {
    socket.once('data', (head: Buffer) => {
      const [line = '', ...fields] = head.toString('latin1').split('\r\n');
      const login = fields.find((field) => field.startsWith('Proxy-Authorization:')) ?? '';
      socket.write(`HTTP/1.1 ${status}\r\nVia: test\r\n\r\n${line.split(' ')[1]} ${login}\n`);
      socket.pipe(socket);
    });
  });
}

const signal = new AbortController().signal;
const at = (protocol: ProxyAddress['protocol'], port: number): ProxyAddress => ({
  protocol,
  host: '127.0.0.1',
  port,
});

/** What comes back when `ping` is sent and the writing half is closed. */
async function talk(socket: Socket): Promise<string> {
  socket.end('ping');
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

describe('a proxy for forwarded connections', () => {
  test('is told a name unresolved, and addresses as such', async (t) => {
    const port = await socksProxy(t);
    for (const host of ['no-such.invalid', '192.0.2.1', '2001:db8::1'])
      assert.equal(
        await talk(await connectThrough(at('socks5', port), host, 443, { signal })),
        `${host} 443\nping`,
      );
    const http = await httpProxy(t);
    for (const [host, authority] of [
      ['no-such.invalid', 'no-such.invalid:443'],
      ['2001:db8::1', '[2001:db8::1]:443'],
    ] as const)
      assert.equal(
        await talk(await connectThrough(at('http', http), host, 443, { signal })),
        `${authority} \nping`,
      );
  });

  test('is given the credentials by the method that it asks for', async (t) => {
    const socks = at('socks5', await socksProxy(t, { users: true }));
    assert.equal(await talk(await connectThrough(socks, 'a.b', 1, { signal, credentials })), 'a.b 1\nping');
    await assert.rejects(
      connectThrough(socks, 'a.b', 1, { signal, credentials: { ...credentials, password: 'x' } }),
      /the proxy refused the credentials/,
    );
    await assert.rejects(connectThrough(socks, 'a.b', 1, { signal }), /login that is not on offer/);
    const http = at('http', await httpProxy(t));
    assert.match(
      await talk(await connectThrough(http, 'a.b', 1, { signal, credentials })),
      new RegExp(`Basic ${Buffer.from('ana:open:sesame').toString('base64')}\n`),
    );
  });

  test('is a failure when it refuses, is down or speaks something else, and no text holds the target', async (t) => {
    const closed = await served(t, (socket) => socket.end());
    const other = await served(t, (socket) => socket.write('220 mail ready\r\n\r\n'));
    const endless = await served(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(4000)}`);
    });
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port: down } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    for (const [proxy, says] of [
      [at('socks5', await socksProxy(t, { code: 5 })), /SOCKS5 reply 5/],
      [at('http', await httpProxy(t, '407 Proxy Authentication Required')), /HTTP 407/],
      [at('socks5', closed), /closed the connection/],
      [at('http', closed), /closed the connection/],
      [at('socks5', other), /does not speak SOCKS5/],
      [at('http', other), /does not speak HTTP/],
      [at('http', endless), /too long a header/],
      [at('socks5', down), /cannot be reached: ECONNREFUSED/],
    ] as const)
      await assert.rejects(connectThrough(proxy, 'secret.example', 443, { signal }), (error: Error) => {
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /secret|443/);
        return true;
      });
  });

  test('is let go when it never answers and the wait is over', async (t) => {
    const silent = await served(t, (socket) => socket.resume());
    const controller = new AbortController();
    const waiting = connectThrough(at('socks5', silent), 'a.b', 1, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(waiting);
  });

  test('is written as a URL without a user', () => {
    assert.deepEqual(parseProxy('socks5://[::1]:1080'), { protocol: 'socks5', host: '::1', port: 1080 });
    assert.deepEqual(parseProxy('http://proxy.example:80'), {
      protocol: 'http',
      host: 'proxy.example',
      port: 80,
    });
    for (const text of ['', 'socks5://proxy', 'https://x:1', 'socks4://x:1', 'http://x:1/path'])
      assert.throws(() => parseProxy(text), /a proxy is written/, text);
    assert.throws(
      () => parseProxy('socks5://ana:sesame@x:1'),
      (error: Error) => !error.message.includes('sesame'),
    );
    assert.deepEqual(parseCredentials('ana:open:sesame'), credentials);
    assert.throws(
      () => parseCredentials('sesame'),
      (error: Error) => !error.message.includes('sesame'),
    );
  });
});
