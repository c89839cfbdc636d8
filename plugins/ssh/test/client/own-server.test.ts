import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { OpenRefusedError, openTo } from '../../src/client/channels.ts';
import type { TcpEnd } from '../../src/client/forward-spec.ts';
import { SshLink } from '../../src/client/link.ts';
import { forwardDynamic } from '../../src/client/socks-listener.ts';
import { Reply, reply, Socks5Handshake } from '../../src/client/socks5.ts';
import { ed25519Blob } from '../../src/keys/ed25519.ts';
import { OpenFailure } from '../../src/open-failure.ts';
import { hostPair, type Lab, lab } from '../support.ts';

const run = promisify(execFile);

interface Bench extends Lab {
  readonly link: SshLink;
  /** Port of a SOCKS listener on the link. */
  readonly socks: number;
  /** Waits between the sessions, in milliseconds. */
  readonly waits: readonly number[];
  /** Breaks the session, and lets that many attempts to dial fail. */
  lose(failures: number): void;
}

/** A node that forwards as `forward` says, and the client of one of its peers. */
async function bench(t: TestContext, forward: object): Promise<Bench> {
  const node = await lab(t, { forward });
  const key = node.key('laptop');
  node.peers.set('laptop', ['ssh:forward:local', 'ssh:forward:remote'], { sshKeys: [key.line] });
  let failing = 0;
  let socket: Socket | undefined;
  const waits: number[] = [];
  const link = new SshLink({
    dial: async () => {
      if (failing-- > 0) throw new Error('unreachable');
      socket = connect(node.port, '127.0.0.1');
      return socket;
    },
    hostKey: ed25519Blob(hostPair.publicKey),
    user: 'somebody',
    privateKey: readFileSync(key.file, 'utf8'),
    algorithms: {},
    wait: async (milliseconds) => void waits.push(milliseconds),
  });
  const running = link.run();
  t.after(async () => {
    link.close();
    await running.catch(() => {});
  });
  await Promise.race([link.client(20_000), running]);
  const listener = await forwardDynamic(link, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  t.after(() => listener.close());
  const lose = (failures: number) => {
    failing = failures;
    socket?.resetAndDestroy();
  };
  return { ...node, link, socks: (listener.bound[0] as TcpEnd).port, waits, lose };
}

async function page(t: TestContext, host = '127.0.0.1'): Promise<{ port: number; names: string[] }> {
  const names: string[] = [];
  const server = createHttpServer((request, response) => {
    names.push(request.headers.host ?? '');
    response.end('a page');
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, names };
}

async function curl(socks: number, url: string): Promise<string> {
  return (await run('curl', ['-sS', '--noproxy', '', '--socks5-hostname', `127.0.0.1:${socks}`, url])).stdout;
}

/** All that a SOCKS listener answers to some bytes until it closes, as hex. */
async function answersTo(socks: number, bytes: readonly number[] | string): Promise<string> {
  const socket = connect(socks, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.write(Buffer.from(bytes as string));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('hex');
}

const local = { policy: { rules: [{ action: 'allow', target: ['localhost:*', '127.0.0.0/8:*'] }] } };

describe('the built-in client', { concurrency: 4 }, () => {
  test('FWD-01 curl fetches a page by a name that only the node resolves', async (t) => {
    const { socks } = await bench(t, local);
    const { port, names } = await page(t);
    // No resolver of the client knows it: RFC 6761 6.3 leaves it to the node.
    assert.equal(await curl(socks, `http://only-there.localhost:${port}/`), 'a page');
    assert.deepEqual(names, [`only-there.localhost:${port}`]);
  });

  test('FWD-03, FWD-04 BIND and UDP ASSOCIATE get reply 7', async (t) => {
    const { socks } = await bench(t, local);
    for (const command of [2, 3])
      assert.equal(
        await answersTo(socks, [5, 1, 0, 5, command, 0, 1, 127, 0, 0, 1, 0, 80]),
        `0500${reply(Reply.COMMAND_NOT_SUPPORTED).toString('hex')}`,
      );
  });

  test('FWD-05 no acceptable method gets 0xFF and a close, and HTTP is closed unanswered', async (t) => {
    const { socks } = await bench(t, local);
    assert.equal(await answersTo(socks, [5, 1, 2]), '05ff');
    assert.equal(await answersTo(socks, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'), '');
    assert.equal(await answersTo(socks, 'POST / HTTP/1.1\r\n\r\n'), '');
  });

  test('FWD-07 a target that is refused or cannot be resolved is a failure of SOCKS, and the session goes on', async (t) => {
    const { socks } = await bench(t, local);
    const { port } = await page(t);
    const greeting = [5, 1, 0];
    const to = (host: string, at: number) => [
      ...greeting,
      ...[5, 1, 0, 3, host.length, ...Buffer.from(host), at >> 8, at & 255],
    ];
    const failure = async (host: string, at: number) => (await answersTo(socks, to(host, at))).slice(4, 8);
    assert.equal(await failure('192.0.2.1', 80), '0502');
    assert.equal(await failure('no-such-host.invalid', 80), '0505');
    assert.equal(await failure('127.0.0.1', 1), '0505');
    assert.equal(await curl(socks, `http://127.0.0.1:${port}/`), 'a page');
  });

  test('FWD-21 a port above 65535 is refused, and not folded to one below', async (t) => {
    const { link } = await bench(t, { policy: { default: 'allow' } });
    const { port, names } = await page(t);
    const client = await link.client(0);
    for (const above of [port + 65_536, port + 3 * 65_536, 0])
      await assert.rejects(openTo(client, { kind: 'tcp', host: '127.0.0.1', port: above }), (error) => {
        assert.ok(error instanceof OpenRefusedError);
        assert.equal(error.reason, OpenFailure.PROHIBITED);
        return true;
      });
    assert.deepEqual(names, []);
  });

  test('FWD-35 the waits after a loss grow to 30 s, and new SOCKS connections work again', async (t) => {
    const { socks, lose, waits, link } = await bench(t, local);
    const { port } = await page(t);
    assert.equal(await curl(socks, `http://127.0.0.1:${port}/`), 'a page');
    const down = once(link, 'down');
    lose(6);
    await down;
    assert.equal(await curl(socks, `http://127.0.0.1:${port}/`), 'a page');
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test('FWD-31 with a proxy for what goes out, names reach it unresolved', async (t) => {
    const asked: string[] = [];
    const { port } = await page(t);
    const proxy = createServer({ allowHalfOpen: true }, (socket) => {
      const handshake = new Socks5Handshake();
      socket.on('error', () => {});
      socket.on('data', function onData(chunk: Buffer) {
        const step = handshake.push(chunk);
        if (step.kind !== 'connect')
          return void (step.kind === 'more' && step.answer && socket.write(step.answer));
        socket.off('data', onData);
        asked.push(step.host);
        const far = connect(port, '127.0.0.1').on('error', () => {});
        socket.write(reply(Reply.SUCCEEDED));
        socket.pipe(far).pipe(socket);
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    t.after(() => proxy.close());
    const url = `socks5://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { socks } = await bench(t, {
      policy: { rules: [{ action: 'allow', target: '*.invalid:*' }] },
      egress: { url },
    });
    assert.equal(await curl(socks, `http://no-resolver-knows.invalid:${port}/`), 'a page');
    assert.deepEqual(asked, ['no-resolver-knows.invalid']);
    // A literal is judged as ever, and never reaches the proxy.
    await assert.rejects(curl(socks, `http://127.0.0.1:${port}/`));
    assert.equal(asked.length, 1);
  });

  test('FWD-30 with a proxy for what goes out, nothing is dialled directly even when it is down', async (t) => {
    const { port, names } = await page(t);
    const dead = createServer().listen(0, '127.0.0.1');
    await once(dead, 'listening');
    const url = `http://127.0.0.1:${(dead.address() as AddressInfo).port}`;
    await new Promise((resolve) => dead.close(resolve));
    const { socks } = await bench(t, { ...local, egress: { url } });
    for (const host of ['127.0.0.1', 'localhost'])
      await assert.rejects(curl(socks, `http://${host}:${port}/`), { code: 97 });
    assert.deepEqual(names, []);
  });
});
