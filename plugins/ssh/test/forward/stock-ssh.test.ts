import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { ForwardPolicyConfig } from '../../src/forward/policy.ts';
import { account, connected, type Key, type Lab, lab, until } from '../support.ts';

const forwarding = ['ssh:forward:local', 'ssh:forward:remote', 'team:web'];

interface Bench extends Lab {
  readonly id: Key;
  /** What ssh -W printed, or the way in which it was refused. */
  reach(target: string, input?: string, key?: Key): Promise<string>;
  configure(policy: ForwardPolicyConfig): Promise<void>;
}

/** A node with a policy, and a peer `laptop` that may forward. */
async function bench(t: TestContext, policy: ForwardPolicyConfig, line = ''): Promise<Bench> {
  const made = await lab(t, { forward: { policy } });
  const id = made.key('laptop');
  made.peers.set('laptop', forwarding, { sshKeys: [`${line} ${id.line}`.trim()] });
  const destination = '127.0.0.1';
  return {
    ...made,
    id,
    ssh: (key, args, input) => made.ssh(key, [...args, destination], input),
    start: (key, args) => made.start(key, [...args, destination]),
    reach: async (target, input = 'ping', key = id) => {
      const { code, stdout, stderr } = await made.ssh(key, ['-v', '-W', target, destination], input);
      if (code === 0) return stdout;
      return /open failed: (.*?)\r?\n/.exec(stderr)?.[1] ?? stderr;
    },
    configure: (next) =>
      made.node.configure({ listen: ['127.0.0.1:0'], ...account, forward: { policy: next } }),
  };
}

/** Answers a whole question after its end, and counts who came. */
async function target(
  t: TestContext,
  at: { host?: string; path?: string } = {},
): Promise<{ port: number; visits: number }> {
  const state = { port: 0, visits: 0 };
  const server = serve(t, (socket) => {
    state.visits++;
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => socket.end(`answer to ${text}`));
  });
  server.listen(at.path === undefined ? { port: 0, host: at.host ?? '127.0.0.1' } : { path: at.path });
  await once(server, 'listening');
  if (at.path === undefined) state.port = (server.address() as AddressInfo).port;
  return state;
}

function serve(t: TestContext, take: (socket: Socket) => void): Server {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    take(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Until a port or socket takes connections. */
async function listening(at: { port: number; host?: string } | { path: string }): Promise<void> {
  await until(
    'listening',
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(at);
        const settle = (up: boolean) => {
          socket.destroy();
          resolve(up);
        };
        socket.once('connect', () => settle(true)).once('error', () => settle(false));
      }),
  );
}

async function ask(
  at: { port: number; host?: string } | { path: string },
  question: string,
): Promise<string> {
  const socket = connect({ ...at, allowHalfOpen: true });
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    text += chunk;
  });
  // `once` of events would reject at a reset, which is an answer here.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(question);
  await closed;
  return text;
}

/** Lines of standard error of a client that has begun, as they come. */
function saying(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      text += chunk;
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    });
    child.once('close', () => reject(new Error(`ssh ended: ${text}`)));
  });
}

const allow = (where: string | string[], more: object = {}) => ({
  action: 'allow' as const,
  target: where,
  ...more,
});
const deny = (where: string | string[], more: object = {}) => ({
  action: 'deny' as const,
  target: where,
  ...more,
});

describe('forwarding for a stock ssh', { concurrency: 4 }, () => {
  test('FWD-17 the policy that ships denies, and so does a caller without the scope', async (t) => {
    const { port, visits } = await target(t);
    const plain = await lab(t);
    const key = plain.key('laptop');
    plain.peers.set('laptop', forwarding, { sshKeys: [key.line] });
    const { stderr } = await plain.ssh(key, ['-v', '-W', `127.0.0.1:${port}`, '127.0.0.1']);
    assert.match(stderr, /open failed: administratively prohibited: denied/);
    const open = await bench(t, { default: 'allow' });
    open.peers.set('laptop', ['ssh:exec'], { sshKeys: [open.id.line] });
    assert.equal(await open.reach(`127.0.0.1:${port}`), 'administratively prohibited: denied');
    assert.equal(visits, 0);
  });

  test('FWD-10 the first rule that matches decides', async (t) => {
    const { port } = await target(t);
    const first = await bench(t, { rules: [allow(`127.0.0.1:${port}`), deny('*')] });
    assert.equal(await first.reach(`127.0.0.1:${port}`), 'answer to ping');
    await first.configure({ rules: [deny('*'), allow(`127.0.0.1:${port}`)] });
    assert.equal(await first.reach(`127.0.0.1:${port}`), 'administratively prohibited: denied');
  });

  test('FWD-15 a deny after a matching allow never fires', async (t) => {
    const { port } = await target(t);
    const { reach } = await bench(t, { rules: [allow('127.0.0.0/8:*'), deny('127.0.0.1:*'), deny('*')] });
    assert.equal(await reach(`127.0.0.1:${port}`), 'answer to ping');
  });

  test('FWD-11 what no rule matches is decided by the default', async (t) => {
    const { port } = await target(t);
    const { reach, configure } = await bench(t, { default: 'allow', rules: [deny('192.0.2.1:*')] });
    assert.equal(await reach(`127.0.0.1:${port}`), 'answer to ping');
    await configure({ default: 'deny', rules: [allow('192.0.2.1:*')] });
    assert.equal(await reach(`127.0.0.1:${port}`), 'administratively prohibited: denied');
  });

  /** Whether a rule with these principals lets the peer `laptop` with the scope `team:web` through. */
  async function lets(t: TestContext, principals: readonly string[]): Promise<boolean> {
    const { port } = await target(t);
    const { reach } = await bench(t, { rules: [allow(`127.0.0.1:${port}`, { principals })] });
    const answer = await reach(`127.0.0.1:${port}`);
    assert.ok(['answer to ping', 'administratively prohibited: denied'].includes(answer), answer);
    return answer === 'answer to ping';
  }

  test('FWD-12 a principal matches by the id of the peer', async (t) => {
    assert.equal(await lets(t, ['phone', 'laptop']), true);
    assert.equal(await lets(t, ['phone', 'lap']), false);
  });

  test('FWD-13 a principal matches by a scope of the peer', async (t) => {
    assert.equal(await lets(t, ['team:web']), true);
    assert.equal(await lets(t, ['team']), false);
  });

  test('FWD-14 an empty list of principals matches everyone', async (t) => {
    assert.equal(await lets(t, []), true);
  });

  test('FWD-16 an edited policy holds for the next open, and leaves a channel that is open alone', async (t) => {
    const state = await target(t);
    const { port } = state;
    const { id, start, reach, configure } = await bench(t, { default: 'allow' });
    const child = start(id, ['-W', `127.0.0.1:${port}`]);
    child.stdin?.write('before ');
    await until('the channel', () => state.visits === 1);
    await configure({});
    assert.equal(await reach(`127.0.0.1:${port}`), 'administratively prohibited: denied');
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.stdin?.end('after');
    await once(child, 'close');
    assert.equal(text, 'answer to before after');
  });

  test('FWD-18 a range of ports includes both its ends', async (t) => {
    const { port } = await target(t);
    const { reach, configure } = await bench(t, {});
    for (const [range, reaches] of [
      [`${port}-${port + 1}`, true],
      [`${port - 1}-${port}`, true],
      [`${port + 1}-${port + 2}`, false],
      [`${port - 2}-${port - 1}`, false],
    ] as const) {
      await configure({ rules: [allow(`127.0.0.1:${range}`)] });
      assert.equal((await reach(`127.0.0.1:${port}`)) === 'answer to ping', reaches, range);
    }
  });

  test('FWD-20 no spelling of a denied address is another one', async (t) => {
    const state = await target(t);
    const { reach } = await bench(t, {
      default: 'allow',
      rules: [deny(['127.0.0.0/8:*', '[::1]:*', 'LocalHost:*'])],
    });
    for (const spelling of [
      '127.0.0.1',
      '127.0.0.1.',
      '2130706433',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '127.1',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::127.0.0.1]',
      '[2002:7f00:1::]',
      'LOCALHOST',
      'localhost.',
    ])
      assert.equal(await reach(`${spelling}:${state.port}`), 'administratively prohibited: denied', spelling);
    assert.equal(state.visits, 0);
  });

  test('FWD-33 a rule for any name reaches no private address, and does when it is private', async (t) => {
    const state = await target(t);
    const { reach, configure } = await bench(t, { rules: [allow(`*:${state.port}`)] });
    for (const host of ['localhost', 'a.localhost', '127.0.0.1', '10.0.0.1', '169.254.169.254', '0.0.0.0'])
      assert.equal(await reach(`${host}:${state.port}`), 'administratively prohibited: denied', host);
    assert.equal(state.visits, 0);
    await configure({ rules: [allow(`*:${state.port}`, { private: true })] });
    for (const host of ['localhost', '127.0.0.1'])
      assert.equal(await reach(`${host}:${state.port}`), 'answer to ping', host);
  });

  test('FWD-22 a name that alknet keeps is refused', async (t) => {
    const { reach } = await bench(t, { default: 'allow' });
    for (const host of ['alknet-node', 'ALKNET-node.example', 'peer.alknet'])
      assert.equal(await reach(`${host}:22`), 'administratively prohibited: denied');
  });

  test('FWD-08 a local forward carries 1 MiB both ways intact; FWD-06 to IPv4, IPv6 and names', async (t) => {
    const echo = serve(t, (socket) => socket.pipe(socket));
    echo.listen(0, '::');
    await once(echo, 'listening');
    const { port } = echo.address() as AddressInfo;
    const { id, start } = await bench(t, { rules: [allow(['127.0.0.1:*', '[::1]:*', 'localhost:*'])] });
    const ports = [await freePort(), await freePort(), await freePort()];
    start(id, [
      '-N',
      ...['127.0.0.1', '[::1]', 'localhost'].flatMap((host, i) => [
        '-L',
        `127.0.0.1:${ports[i]}:${host}:${port}`,
      ]),
    ]);
    const sent = randomBytes(1024 * 1024);
    for (const local of ports) {
      await listening({ port: local, host: '127.0.0.1' });
      const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
      const hash = createHash('sha256');
      socket.on('data', (chunk) => hash.update(chunk));
      socket.end(sent);
      await once(socket, 'close');
      assert.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'));
    }
  });

  test('FWD-34 the end of either side goes on while the other still sends', async (t) => {
    const { port } = await target(t);
    const talker = serve(t, (socket) => {
      // The target ends first, and goes on reading.
      socket.end('greeting');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => talker.emit('heard', text));
    });
    talker.listen(0, '127.0.0.1');
    await once(talker, 'listening');
    const { id, start } = await bench(t, { rules: [allow('127.0.0.1:*')] });
    const ports = [await freePort(), await freePort()] as const;
    const to = (talker.address() as AddressInfo).port;
    start(id, ['-N', '-L', `${ports[0]}:127.0.0.1:${port}`, '-L', `${ports[1]}:127.0.0.1:${to}`]);
    await listening({ port: ports[0], host: '127.0.0.1' });
    assert.equal(await ask({ port: ports[0], host: '127.0.0.1' }, 'ping'), 'answer to ping');
    const socket = connect({ port: ports[1], host: '127.0.0.1', allowHalfOpen: true });
    socket.resume();
    const heard = once(talker, 'heard');
    await once(socket, 'end');
    socket.end('said after the greeting had ended');
    assert.deepEqual(await heard, ['said after the greeting had ended']);
  });

  test('FWD-09 a remote forward listens on the node where the policy allows, and port 0 is told', async (t) => {
    const { port } = await target(t);
    const { id, start, ssh } = await bench(t, { rules: [allow('*:*', { kind: 'listen' })] });
    const child = start(id, ['-v', '-N', '-R', `0:127.0.0.1:${port}`]);
    const [, chosen] = await saying(child, /Allocated port (\d+) for remote forward/);
    assert.equal(await ask({ port: Number(chosen), host: '127.0.0.1' }, 'ping'), 'answer to ping');
    // The listener ends with the connection.
    child.kill();
    await once(child, 'close');
    await until('the listener to end', () =>
      ask({ port: Number(chosen), host: '127.0.0.1' }, 'ping').then((text) => text === ''),
    );
    for (const refused of [`0.0.0.0:0:127.0.0.1:${port}`, `80:127.0.0.1:${port}`]) {
      const { code, stderr } = await ssh(id, [
        '-o',
        'ExitOnForwardFailure=yes',
        '-o',
        'LogLevel=INFO',
        '-N',
        '-R',
        refused,
      ]);
      assert.notEqual(code, 0);
      assert.match(stderr, /remote port forwarding failed/, refused);
    }
  });

  test('FWD-36 a Unix socket is forwarded both ways, and by no rule for TCP', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'alknet-unix-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const there = join(folder, 'there.sock');
    const here = join(folder, 'here.sock');
    await target(t, { path: there });
    const { id, start, ssh, configure, port } = await bench(t, {
      rules: [allow(`unix:${folder}/*.sock`, { kind: 'any' })],
    });
    const child = start(id, ['-N', '-L', `${here}:${there}`]);
    await listening({ path: here });
    assert.equal(await ask({ path: here }, 'ping'), 'answer to ping');
    child.kill();

    const remote = join(folder, 'remote.sock');
    const back = start(id, ['-N', '-R', `${remote}:${there}`]);
    await listening({ path: remote });
    assert.equal(statSync(remote).mode & 0o777, 0o600);
    assert.equal(await ask({ path: remote }, 'ping'), 'answer to ping');
    // A socket that somebody has already is not taken over.
    const again = await ssh(id, ['-o', 'ExitOnForwardFailure=yes', '-N', '-R', `${there}:${here}`]);
    assert.notEqual(again.code, 0);
    back.kill();
    await until('the socket to go', () => !existsSync(remote));

    const laptop = await connected(t, port, id);
    laptop.on('unix connection', (_info, _accept, reject) => reject());
    const path = join(folder, 'refused.sock');
    await new Promise<void>((done, failed) => {
      laptop.openssh_forwardInStreamLocal(path, (error) => (error ? failed(error) : done()));
    });
    for (let i = 0; i < 2; i++)
      assert.equal(await ask({ path }, 'ping'), '', 'what the client refuses is closed');

    const link = join(folder, 'link.sock');
    symlinkSync(there, link);
    await configure({ rules: [allow(`unix:${folder}/l*.sock`), allow('*', { private: true })] });
    const linked = start(id, [
      '-N',
      '-L',
      `${join(folder, 'l.sock')}:${link}`,
      '-L',
      `${join(folder, 't.sock')}:${there}`,
    ]);
    await listening({ path: join(folder, 'l.sock') });
    for (const path of ['l.sock', 't.sock'])
      assert.equal(await ask({ path: join(folder, path) }, 'ping'), '', path);
    linked.kill();
  });

  test('FWD-38 permitopen and permitlisten narrow the policy and never widen it', async (t) => {
    const [first, second] = [await target(t), await target(t)];
    const { reach, id, start, ssh, peers } = await bench(
      t,
      { rules: [allow(`127.0.0.1:${first.port}`), allow('*:*', { kind: 'listen' })] },
      `permitopen="127.0.0.1:${first.port}",permitopen="127.0.0.1:${second.port}",permitlisten="localhost:*"`,
    );
    assert.equal(await reach(`127.0.0.1:${first.port}`), 'answer to ping');
    // Permitted by the key and not by the policy.
    assert.equal(await reach(`127.0.0.1:${second.port}`), 'administratively prohibited: denied');
    const child = start(id, ['-v', '-N', '-R', `0:127.0.0.1:${first.port}`]);
    await saying(child, /Allocated port (\d+)/);
    const { code } = await ssh(id, [
      '-o',
      'ExitOnForwardFailure=yes',
      '-N',
      '-R',
      `127.0.0.1:0:127.0.0.1:${first.port}`,
    ]);
    assert.notEqual(code, 0);
    peers.set('laptop', forwarding, { sshKeys: [`permitopen="127.0.0.1:1" ${id.line}`] });
    // Permitted by the policy and not by the key.
    assert.equal(await reach(`127.0.0.1:${first.port}`), 'administratively prohibited: denied');
    peers.set('laptop', forwarding, { sshKeys: [`restrict ${id.line}`] });
    assert.equal(await reach(`127.0.0.1:${first.port}`), 'administratively prohibited: denied');
  });

  test('FWD-23, FWD-25 neither what is denied nor what is carried leaves its destination in the log', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'alknet-quiet-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o700);
    const { port } = await target(t);
    const { reach, node, lines } = await bench(t, { rules: [allow(`127.0.0.1:${port}`)] });
    assert.equal(await reach(`127.0.0.1:${port}`), 'answer to ping');
    const closed = await freePort();
    for (const where of [`secret.example:${closed}`, `192.0.2.77:${closed}`, `127.0.0.1:${closed}`])
      await reach(where);
    assert.deepEqual(
      new Set(lines('ssh denied')),
      new Set(['ssh denied addr=127.0.0.1 peer=laptop what=connect']),
    );
    const log = JSON.stringify(node.log);
    for (const word of ['secret', '192.0.2.77', `:${port}`, `${closed}`])
      assert.ok(!log.includes(word), word);
    assert.ok(!new RegExp(`\\b${port}\\b`).test(log), log);
  });
});
