/** `alknet socks` and `alknet forward` as they are run, to a real node. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { up } from '../../../../host/test/e2e/support.ts';
import { served } from '../served.ts';
import { ask, curl, echo, forwarding, start } from './tunnel-support.ts';

/** A page at a port of its own. */
async function page(t: TestContext): Promise<number> {
  const server = createHttpServer((request, response) => response.end(`for ${request.headers.host}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('CLI-27 forward with port 0 prints the bound port, survives a restart of the node and carries data again', async (t) => {
  const here = await forwarding(t);
  const node = await up(here);
  const target = await echo(t);
  const tunnel = start(t, here, [
    ...['forward', 'local', '--json', '-L', `0:127.0.0.1:${target}`],
    ...['-R', `0:localhost:${target}`, '-D', '0'],
  ]);
  const [local, remote, dynamic] = await Promise.all([
    tunnel.port('local'),
    tunnel.port('remote'),
    tunnel.port('dynamic'),
  ]);
  const carries = async (port: number) => {
    const bytes = randomBytes(1024 * 1024);
    assert.ok(bytes.equals(await ask(port, bytes)));
  };
  const web = await page(t);
  const fetched = () => curl(['--socks5-hostname', `127.0.0.1:${dynamic}`, `http://localhost:${web}/`]);
  await Promise.all([carries(local), carries(remote)]);
  assert.deepEqual(await fetched(), { code: 0, signal: null, stdout: `for localhost:${web}`, stderr: '' });

  await node.stop();
  const { reason } = await tunnel.heard('lost');
  assert.equal(typeof reason, 'string');
  await up(here);
  await tunnel.heard('connected');
  await Promise.all([carries(local), carries(remote)]);
  assert.equal((await fetched()).stdout, `for localhost:${web}`);
  // The node gave the same port again, and nothing was said twice.
  assert.equal(
    tunnel.events().filter(({ event, kind }) => event === 'listening' && kind === 'remote').length,
    1,
  );

  tunnel.child.kill('SIGTERM');
  assert.equal(await tunnel.ended, 143);
});

for (const transport of ['quic', 'tls']) {
  test(`FWD-08 what is put through -L over ${transport} reaches the target whole, and so does its end`, async (t) => {
    const here = await forwarding(t);
    await up(here);
    const target = await served(t, async (socket) => {
      const hash = createHash('sha256');
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) hash.update(chunk);
      socket.end(hash.digest());
    });
    const tunnel = start(t, here, [
      ...['forward', 'local', '--json', '--transport', transport],
      ...['-L', `0:127.0.0.1:${target}`],
    ]);
    // More than all windows on the way hold.
    const bytes = randomBytes(24 * 1024 * 1024);
    const port = await tunnel.port('local');
    assert.deepEqual(await ask(port, bytes), createHash('sha256').update(bytes).digest());
    tunnel.child.kill('SIGTERM');
    await tunnel.ended;
  });
}

test('CLI-27 forward --once ends with 4 at the first loss, and both end with 4 where there is no node', async (t) => {
  const here = await forwarding(t);
  for (const words of [
    ['socks', 'local', '--listen', '0'],
    ['forward', 'local', '-D', '0'],
  ]) {
    const { code, stderr, stdout } = await here.run(words);
    assert.deepEqual([code, stdout], [4, ''], stderr);
    assert.match(stderr, /the node is not running/);
  }
  const node = await up(here);
  const once = start(t, here, ['forward', 'local', '--once', '-D', '0']);
  await new Promise((resolve) => once.child.stdout?.once('data', resolve));
  assert.match(once.output(), /^dynamic 1: 127\.0\.0\.1:\d+\n/);
  await node.stop();
  assert.equal(await once.ended, 4);
  assert.match(once.output(), /error: the connection was lost/);
});

test('forward and socks end with 2 for what they cannot make sense of, and do not repeat it', async (t) => {
  const here = await forwarding(t);
  const open = await here.write('open', 'ana:sesame\n');
  await chmod(open, 0o644);
  const empty = await here.write('empty', '\n');
  const strange = await here.write('strange', 'ana\n');
  const cases: [string[], RegExp][] = [
    [['forward', 'local'], /expected at least one of -L SPEC, -R SPEC and -D/],
    [
      ['forward', 'local', '-L', '0:secret.example'],
      /-L number 1: expected a forward: \[BIND:\]PORT:HOST:HOSTPORT/,
    ],
    [['forward', 'local', '-D', '0', '-R', '0:secret.example:99999'], /-R number 1: expected a forward/],
    [['forward', 'local', '-D', 'x'], /-D number 1: expected an address to listen on/],
    [['forward', 'local', '-D', '*:0'], /needs users: give --socks-auth FILE/],
    [['socks', 'local', '--listen', '127.secret.example:0'], /needs users: give --socks-auth FILE/],
    [['socks', 'local', '--socks-auth', open], /has mode 0644, which lets others in/],
    [['socks', 'local', '--socks-auth', empty], /expected lines user:password, found none/],
    [['socks', 'local', '--socks-auth', strange], /line 1: expected user:password/],
    [['socks', 'local', '--identity', strange], /expected an OpenSSH private key/],
    [['socks', 'local', '--identity', 'nowhere'], /nowhere cannot be read: ENOENT/],
    [['socks'], /alknet socks takes PEER/],
  ];
  // Some at a time: starting a process is what takes long here.
  const next = async () => {
    for (let one = cases.pop(); one !== undefined; one = cases.pop()) {
      const [words, what] = one;
      const { code, stderr, stdout } = await here.run(words);
      assert.deepEqual([code, stdout], [2, ''], `${words.join(' ')}: ${stderr}`);
      assert.match(stderr, what);
      assert.doesNotMatch(stderr, /secret\.example|sesame/);
    }
  };
  await Promise.all([next(), next(), next()]);
});

test('forward and socks end with 5 for a key that the node does not know, and for a changed host key', async (t) => {
  const here = await forwarding(t);
  await up(here);
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', 'stranger'], { cwd: here.folder });
  const refused = await here.run(['socks', 'local', '--listen', '0', '--identity', 'stranger']);
  assert.deepEqual([refused.code, refused.stdout], [5, ''], refused.stderr);
  assert.match(refused.stderr, /the node refused the login/);
  const known = join(here.data, 'ssh/known_hosts');
  const [alias] = (await here.read('data/ssh/known_hosts')).split(' ');
  const [, other] = (await here.read('stranger.pub')).split(' ');
  await writeFile(known, `${alias} ssh-ed25519 ${other}\n`);
  const changed = await here.run(['forward', 'local', '-D', '0']);
  assert.deepEqual([changed.code, changed.stdout], [5, ''], changed.stderr);
  assert.match(changed.stderr, /the SSH host key of \S+\.alknet is ssh-ed25519 /);
});

test('socks with users asks for one, also at an address that others reach', async (t) => {
  const here = await forwarding(t);
  await up(here);
  const web = await page(t);
  const file = await here.write('users', 'ana:open:sesame\n\nbob:tea\n');
  const tunnel = start(t, here, ['socks', 'local', '--listen', '0.0.0.0:0', '--socks-auth', file, '--json']);
  const port = await tunnel.port('dynamic');
  const as = async (...user: string[]) =>
    (await curl([...user, '--socks5-hostname', `127.0.0.1:${port}`, `http://localhost:${web}/`])).stdout;
  assert.equal(await as('--proxy-user', 'ana:open:sesame'), `for localhost:${web}`);
  assert.equal(await as('--proxy-user', 'bob:tea'), `for localhost:${web}`);
  assert.equal(await as('--proxy-user', 'bob:open:sesame'), '');
  assert.equal(await as(), '');
  tunnel.child.kill('SIGINT');
  assert.equal(await tunnel.ended, 130);
  assert.doesNotMatch(tunnel.output(), /sesame|tea/);
});

test('FWD-24 at the most verbose level the client writes no target name, address, port or socket path', async (t) => {
  const target = await echo(t);
  const denied = await served(t, (socket) => socket.end());
  const closed = await freePort();
  const here = await forwarding(t, {
    default: 'deny',
    rules: [
      { action: 'allow', target: [`localhost:${target}`, `localhost:${closed}`] },
      { action: 'allow', target: 'unix:/nowhere/secret.sock' },
    ],
  });
  const node = await up(here);
  const tunnel = start(t, here, [
    ...['forward', 'local', '--json', '-v', '-v', '-v'],
    ...['-L', `0:localhost:${target}`, '-L', `0:localhost:${closed}`, '-L', `0:secret.example:${denied}`],
    ...['-L', '0:unix:/nowhere/secret.sock', '-R', `0:secret-here.example:${denied}`, '-D', '0'],
  ]);
  const locals = await Promise.all([1, 2, 3, 4].map((number) => tunnel.port('local', number)));
  const dynamic = await tunnel.port('dynamic');
  // One stays open until it has been counted.
  const held = connect(locals[0] ?? 0, '127.0.0.1').on('error', () => {});
  t.after(() => held.destroy());
  assert.equal((await tunnel.heard('connections')).open, 1);
  assert.equal(String(await ask(locals[0] ?? 0, 'ping')), 'ping');
  for (const port of locals.slice(1)) assert.equal(String(await ask(port, 'ping')), '');
  for (const url of [
    `http://secret.example:${denied}/`,
    `http://localhost:${closed}/`,
    `http://localhost:${target}/`,
  ])
    await curl(['--socks5-hostname', `127.0.0.1:${dynamic}`, url]);
  await node.stop();
  await tunnel.heard('lost');
  assert.equal(String(await ask(locals[0] ?? 0, 'ping')), '');
  tunnel.child.kill('SIGTERM');
  assert.equal(await tunnel.ended, 143);
  const output = tunnel.output();
  for (const secret of [target, denied, closed]) assert.doesNotMatch(output, new RegExp(`\\b${secret}\\b`));
  assert.doesNotMatch(output, /secret|nowhere|localhost/);
});

test('the examples of forward and socks run as printed and end cleanly', async (t) => {
  const here = await forwarding(t);
  await up(here);
  for (const command of ['socks', 'forward']) {
    const help = await here.ok(['help', command]);
    const examples = [...help.matchAll(/^ {2}alknet (.+)$/gm)].map(([, words = '']) => words.split(' '));
    assert.ok(examples.length > 0, help);
    for (const words of examples) {
      const running = start(t, here, words);
      await new Promise((resolve) => running.child.stdout?.once('data', resolve));
      running.child.kill('SIGTERM');
      assert.equal(await running.ended, 143, running.output());
    }
  }
});
