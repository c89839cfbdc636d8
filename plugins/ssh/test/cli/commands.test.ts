/** The built `alknet` with a real node, and the stock clients through it. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { made, type Place, place, type Ran, up } from '../../../../host/test/e2e/support.ts';
import { account, ran } from '../support.ts';

const program = fileURLToPath(new URL('../../../../host/bin/alknet.js', import.meta.url));

/** A node with ssh, on which the operator may run programs. */
async function withSsh(t: TestContext, extra: object = {}): Promise<Place> {
  const here = await made(t);
  const config = await here.read('alknet.config.json');
  assert.match(config, /"ssh": true/);
  const entry = `"ssh": { "config": ${JSON.stringify({ ...account, ...extra })} }`;
  await here.write('alknet.config.json', config.replace('"ssh": true', entry));
  await here.ok(['peer', 'set', 'operator', '--scope', 'ssh:exec']);
  return here;
}

/** `alknet` on PATH of the folder, for what a ProxyCommand runs. */
async function shim({ folder }: Place): Promise<NodeJS.ProcessEnv> {
  const path = join(folder, 'alknet');
  await writeFile(path, `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  await chmod(path, 0o755);
  return {
    PATH: `${folder}:${process.env['PATH']}`,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'xdg'),
    XDG_DATA_HOME: join(folder, 'xdg'),
  };
}

async function stock(here: Place, file: string, args: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(file, args, { cwd: here.folder, env: await shim(here) });
  child.stdin.end(input);
  const { code, stdout, stderr } = await ran(child);
  return { code, stdout, stderr };
}

test('CLI-23 ssh with alknet pipe as ProxyCommand logs in, and alknet ssh does without a host-key question', async (t) => {
  const here = await withSsh(t);
  const node = await up(here);
  await here.ok(['peer', 'add', 'here', `127.0.0.1:${node.port}`, '--fingerprint', node.id]);
  for (const peer of ['local', 'here']) {
    const plain = await stock(here, 'ssh', [
      ...['-F', 'none', '-o', 'ProxyCommand=alknet pipe %h alknet/ssh', '-o', 'BatchMode=yes'],
      ...['-o', 'StrictHostKeyChecking=accept-new', '-o', 'UserKnownHostsFile=known'],
      ...['-i', 'data/operator.key', '-o', 'IdentitiesOnly=yes', `user@${peer}`, 'echo $ALKNET_PEER'],
    ]);
    assert.deepEqual([plain.code, plain.stdout], [0, 'operator\n'], plain.stderr);
    const own = await here.run(['ssh', '-o', 'BatchMode=yes', peer, 'cat; exit 9'], 'through');
    assert.deepEqual(own, { code: 9, stdout: 'through', stderr: '' });
  }
  const known = await here.read('data/ssh/known_hosts');
  assert.match(known, /^[a-z0-9]{52}\.alknet ssh-ed25519 AAAA\S+\n$/);
  assert.equal((await stat(join(here.data, 'ssh/known_hosts'))).mode & 0o777, 0o600);
  // Options of ssh are ssh's, also those that alknet knows.
  const verbose = await here.run(['ssh', '-v', '-o', 'BatchMode=yes', 'here', 'true']);
  assert.equal(verbose.code, 0);
  assert.match(verbose.stderr, /debug1: /);
  await node.stop();
  assert.equal((await here.run(['ssh', 'here', 'true'])).code, 4);
});

test('CLI-24 alknet ssh refuses a changed host key with exit 5', async (t) => {
  const here = await withSsh(t);
  await up(here);
  await here.ok(['ssh', 'local', 'true']);
  const [alias] = (await here.read('data/ssh/known_hosts')).split(' ');
  const { stdout } = spawnSync(
    'sh',
    ['-c', 'ssh-keygen -q -t ed25519 -N "" -f other && cut -d" " -f1,2 other.pub'],
    {
      cwd: here.folder,
      encoding: 'utf8',
    },
  );
  await writeFile(join(here.data, 'ssh/known_hosts'), `${alias} ${stdout.trim()}\n`, { mode: 0o600 });
  const { code, stderr, stdout: nothing } = await here.run(['ssh', 'local', 'echo in']);
  assert.deepEqual([code, nothing], [5, '']);
  assert.match(
    stderr,
    /the SSH host key of \S+\.alknet is ssh-ed25519 \S+, and \S+known_hosts has ssh-ed25519 /,
  );
});

test('CLI-08 alknet ssh hands no secret to the program that it runs', async (t) => {
  const here = await withSsh(t);
  await up(here);
  const shown = await here.ok(['ssh', '--print', 'local', 'uptime']);
  const secret = (await readFile(join(here.data, 'operator.key'), 'utf8')).split('\n')[1] ?? '-';
  assert.match(
    shown,
    /^ssh -o 'ProxyCommand=.* pipe local alknet\/ssh' .* -i \S+\/operator\.key local uptime\n$/,
  );
  assert.ok(!shown.includes(secret));
  const json: unknown = JSON.parse(await here.ok(['--json', 'ssh', '--print', '--own-keys', 'local']));
  assert.ok(!JSON.stringify(json).includes('operator.key'));
  assert.match(await here.ok(['ssh', '--help']), /^alknet ssh: Run OpenSSH’s ssh/);
  assert.match(
    await here.ok(['sftp', '--print', 'local', '--', '-b', '-']),
    / pipe local alknet\/sftp' -b -\n$/,
  );
});

test('SSH-14 login and exec work over QUIC and TLS with the same refusals as over the bare listener', async (t) => {
  const here = await withSsh(t, { listen: ['127.0.0.1:0'] });
  const node = await up(here);
  await here.ok(['call', 'ssh/hostkey']);
  const port = /"port":(\d+),"event":"ssh listening"/.exec(node.output())?.[1] ?? '';
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(here.folder, 'stranger')]);
  const bare = ['-p', port, '127.0.0.1'];
  const ways = {
    quic: ['-o', 'ProxyCommand=alknet pipe --transport quic local alknet/ssh', 'node'],
    tls: ['-o', 'ProxyCommand=alknet pipe --transport tls local alknet/ssh', 'node'],
    tcp: bare,
  };
  for (const [via, way] of Object.entries(ways)) {
    const run = (key: string, ...command: string[]) =>
      stock(here, 'ssh', [
        ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'LogLevel=ERROR'],
        ...[
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
          '-i',
          key,
          ...way,
          ...command,
        ],
      ]);
    const exec = await run('data/operator.key', 'echo in; echo err >&2; exit 3');
    assert.deepEqual([exec.code, exec.stdout, exec.stderr], [3, 'in\n', 'err\n'], via);
    const shell = await run('data/operator.key');
    assert.equal(shell.code, 255, via);
    assert.match(shell.stderr, /shell request failed/, via);
    const stranger = await run('stranger', 'true');
    assert.equal(stranger.code, 255, via);
    assert.match(stranger.stderr, /Permission denied \(publickey\)/, via);
    const log = node.output();
    assert.match(log, new RegExp(`ssh open addr=127\\.0\\.0\\.1 port=\\d+ via=${via}`));
  }
  for (const line of ['what=shell', 'reason=unknown_key']) {
    const found = node
      .output()
      .split('\n')
      .filter((text) => text.includes(line));
    assert.equal(found.length, 3, line);
  }
});

test('SSH-29 restoring the mnemonic restores the host key fingerprint', async (t) => {
  const here = await place(t);
  const phrase = await here.write('phrase', `${'abandon '.repeat(11)}about\n`);
  const init = ['init', '--restore', '--mnemonic-file', phrase, '--no-passphrase', '--listen', '127.0.0.1:0'];
  await here.ok(init);
  await up(here);
  const { key, fingerprint } = JSON.parse(await here.ok(['--json', 'call', 'ssh/hostkey'])) as Record<
    string,
    string
  >;
  assert.equal(key, 'AAAAC3NzaC1lZDI1NTE5AAAAIGqd1cQZFfumzCK4dgJjq6RbBoyue+rR0GnHuO6wEYE0');
  assert.equal(fingerprint, 'SHA256:kRW8mYgHXlVuFrP5ZqKwK/zYjL1XX5J+iGdi/RR0OH8');
});

test('a reload hands the bare listener over, and what is connected goes on', async (t) => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const here = await withSsh(t, { listen: [`127.0.0.1:${port}`] });
  await up(here);
  const login = ['-F', 'none', '-p', String(port), '-i', 'data/operator.key', '-o', 'IdentitiesOnly=yes'];
  const asked = [
    '-o',
    'BatchMode=yes',
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'UserKnownHostsFile=known',
  ];
  const env = await shim(here);
  const living = spawn('ssh', [...login, ...asked, '127.0.0.1', 'echo begun; cat'], {
    cwd: here.folder,
    env,
  });
  t.after(() => living.kill('SIGKILL'));
  await once(living.stdout, 'data');
  for (let turn = 0; turn < 2; turn++) {
    await here.ok(['plugin', 'reload', 'ssh']);
    const { stdout, stderr } = await stock(here, 'ssh', [...login, ...asked, '127.0.0.1', 'echo anew']);
    assert.equal(stdout, 'anew\n', stderr);
  }
  living.stdin.end('still here');
  assert.equal(String((await once(living.stdout, 'data'))[0]), 'still here');
});
