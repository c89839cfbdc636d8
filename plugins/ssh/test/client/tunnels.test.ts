import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Backoff } from '../../src/client/backoff.ts';
import type { End } from '../../src/client/forward-spec.ts';
import { HostKeyMismatchError, type LinkOptions, LoginRefusedError, SshLink } from '../../src/client/link.ts';
import { forwardLocal } from '../../src/client/local-forward.ts';
import { type RemoteBound, RemoteForwards } from '../../src/client/remote-forward.ts';
import { forwardDynamic } from '../../src/client/socks-listener.ts';
import { noSshd, type Sshd, startSshd } from './sshd.ts';

const run = promisify(execFile);

/** A link to an sshd, up; its waits are those that the test lets pass. */
async function linked(t: TestContext, sshd: Sshd, options: Partial<LinkOptions> = {}): Promise<SshLink> {
  const link = new SshLink({
    dial: async () => sshd.dial(),
    hostKey: sshd.hostKey,
    user: sshd.user,
    privateKey: sshd.privateKey,
    algorithms: {},
    wait: async () => {},
    ...options,
  });
  const running = link.run();
  t.after(async () => {
    link.close();
    await running.catch(() => {});
  });
  await Promise.race([link.client(20_000), running]);
  return link;
}

/** A server that answers a whole question, and only after its end. */
async function answering(t: TestContext): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => socket.end(`answer to ${text}`));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function ask(end: End | undefined, question: string): Promise<string> {
  const socket: Socket = connect({
    ...(end?.kind === 'unix' ? { path: end.path } : { host: '127.0.0.1', port: end?.port ?? 0 }),
    allowHalfOpen: true,
  });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  // `once` of events would reject at a reset, which is an answer here.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.end(question);
  await closed;
  return text;
}

describe('the built-in client, with the server of OpenSSH', { skip: noSshd, concurrency: true }, () => {
  test('carries -L with half-close, from a port and from a socket', async (t) => {
    const sshd = startSshd(t);
    const link = await linked(t, sshd);
    const target = { kind: 'tcp', host: '127.0.0.1', port: await answering(t) } as const;
    const path = `${sshd.directory}/here.sock`;
    for (const bind of [
      { kind: 'tcp', host: '127.0.0.1', port: 0 },
      { kind: 'unix', path },
    ] as const) {
      const listener = await forwardLocal(link, { bind, target });
      assert.equal(await ask(listener.bound[0], 'ping'), 'answer to ping');
      if (bind.kind === 'unix') assert.equal(statSync(path).mode & 0o777, 0o600);
      await listener.close();
    }
    assert.equal(existsSync(path), false);
  });

  test('carries SOCKS to a name that only the node resolves, for curl', async (t) => {
    const link = await linked(t, startSshd(t));
    const server = createHttpServer((request, response) => response.end(`for ${request.headers.host}`));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const listener = await forwardDynamic(link, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    t.after(() => listener.close());
    const [bound] = listener.bound;
    assert.ok(bound?.kind === 'tcp');
    const proxy = `127.0.0.1:${bound.port}`;
    const { stdout } = await run('curl', ['-sS', '--socks5-hostname', proxy, `http://localhost:${port}/`]);
    assert.equal(stdout, `for localhost:${port}`);
    // Nobody listens there: a refusal, and the session goes on.
    await assert.rejects(run('curl', ['-sS', '--socks5-hostname', proxy, 'http://127.0.0.1:1/']), {
      code: 97,
    });
    assert.equal(
      (await run('curl', ['-sS', '--socks5-hostname', proxy, `http://localhost:${port}/`])).stdout,
      stdout,
    );
  });

  test('asks for -R anew after a reconnect, and one refusal does not stop the others', async (t) => {
    const sshd = startSshd(t, ['PermitListen localhost:*']);
    const port = await answering(t);
    const target = { kind: 'tcp', host: '127.0.0.1', port } as const;
    const forwards = new RemoteForwards([
      { bind: { kind: 'tcp', host: '192.0.2.1', port: 0 }, target },
      { bind: { kind: 'tcp', port: 0 }, target },
    ]);
    const registered: Promise<readonly RemoteBound[]>[] = [];
    const link = await linked(t, sshd);
    const up = (client: Parameters<RemoteForwards['register']>[0]) =>
      registered.push(forwards.register(client));
    link.on('up', up);
    up(await link.client(0));
    const check = async () => {
      const [refused, bound] = (await registered.at(-1)) ?? [];
      assert.ok(refused && 'refused' in refused);
      assert.ok(bound && 'bound' in bound);
      assert.equal(await ask(bound.bound, 'ping'), 'answer to ping');
    };
    await check();
    const again = once(link, 'up');
    sshd.cut();
    await again;
    await check();
  });

  test('keeps its listeners through an outage, lets new connections wait, and ends those in flight', async (t) => {
    const sshd = startSshd(t);
    let mayDial: Promise<void> = Promise.resolve();
    const link = await linked(t, sshd, {
      dial: async () => {
        await mayDial;
        return sshd.dial();
      },
    });
    const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    t.after(() => echo.close());
    const { port } = echo.address() as AddressInfo;
    const listener = await forwardLocal(link, {
      bind: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      target: { kind: 'tcp', host: '127.0.0.1', port },
    });
    t.after(() => listener.close());
    const [bound] = listener.bound;
    assert.ok(bound?.kind === 'tcp');
    const inFlight = connect(bound.port, '127.0.0.1');
    inFlight.write('before');
    await once(inFlight, 'data');
    let dial = () => {};
    mayDial = new Promise((resolve) => {
      dial = resolve;
    });
    const down = once(link, 'down');
    sshd.cut();
    const [[error]] = await Promise.all([once(inFlight, 'error'), down]);
    // A reset and no end: what came before it is not all.
    assert.equal(error.code, 'ECONNRESET');
    const waiting = connect(bound.port, '127.0.0.1');
    t.after(() => waiting.destroy());
    waiting.write('after');
    await once(waiting, 'connect');
    dial();
    assert.equal(String((await once(waiting, 'data'))[0]), 'after');
  });

  test('offers no key to a node with another host key, and tries neither that nor a refused login again', async (t) => {
    const sshd = startSshd(t);
    let dials = 0;
    const dial = async () => {
      dials++;
      return sshd.dial();
    };
    const hostKey = Buffer.from(sshd.hostKey);
    hostKey[hostKey.length - 1] = (hostKey.at(-1) ?? 0) ^ 1;
    await assert.rejects(linked(t, sshd, { dial, hostKey }), HostKeyMismatchError);
    await assert.rejects(linked(t, sshd, { dial, privateKey: sshd.otherKey }), LoginRefusedError);
    assert.equal(dials, 2);
  });
});

test('the waits of a reconnect grow to 30 s, and begin anew after a good connection', () => {
  const backoff = new Backoff();
  const seconds = (lived: number) => backoff.next(lived * 1000) / 1000;
  assert.deepEqual([0, 0, 59, 0, 0, 0, 0].map(seconds), [1, 2, 4, 8, 16, 30, 30]);
  assert.deepEqual([60, 0].map(seconds), [1, 2]);
});

test('FWD-37 a SOCKS listener that other machines reach is refused without users', async () => {
  const link = new SshLink({
    dial: () => Promise.reject(new Error('not dialled')),
    hostKey: Buffer.alloc(0),
    user: 'ana',
    privateKey: '',
    algorithms: {},
  });
  for (const host of ['0.0.0.0', '', '*', '192.0.2.1', '::'])
    await assert.rejects(forwardDynamic(link, { kind: 'tcp', host, port: 0 }), /needs users/, host);
});
