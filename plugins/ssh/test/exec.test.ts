import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { account, connected, lab, ran, until } from './support.ts';

const here = '127.0.0.1';

test('SSH-06 without ssh:shell a shell request fails and the connection can still run an allowed exec', async (t) => {
  const { key, peers, port, node, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec:echo'], { fingerprints: [alice.normal] });
  const client = await connected(t, port, alice);
  const shell = await new Promise<Error | undefined>((resolve) => client.shell(false, resolve));
  assert.match(shell?.message ?? '', /Unable to request a shell|CHANNEL_FAILURE|shell/i);
  const output = await new Promise<string>((resolve, reject) => {
    client.exec('echo still here', (error, channel) => {
      if (error !== undefined) reject(error);
      else channel.on('data', (data: Buffer) => resolve(data.toString()));
    });
  });
  assert.equal(output, 'still here\n');
  assert.deepEqual(lines('ssh denied'), [`ssh denied addr=${here} peer=alice what=shell`]);
  assert.ok(node.log.length > 0);
});

test('SSH-07 a pty is refused without the scope and works with it: stty size shows the size and follows a resize', async (t) => {
  const { key, peers, ssh, port, lines } = await lab(t);
  const [alice, bob] = [key('alice'), key('bob')];
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  peers.set('bob', ['ssh:sftp'], { fingerprints: [bob.normal] });
  const refused = await ssh(bob, ['-tt', here, 'stty size']);
  assert.equal(refused.code, 255);
  assert.ok(lines('ssh denied').includes(`ssh denied addr=${here} peer=bob what=pty`));

  const client = await connected(t, port, alice);
  let output = '';
  const command =
    'stty size; tty; echo $SSH_TTY $TERM; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.05; done';
  const pty = { rows: 33, cols: 111, term: 'vt220', modes: { ECHO: 0 as const, VINTR: 7 } };
  const code = await new Promise((resolve, reject) => {
    client.exec(command, { pty }, (error, channel) => {
      if (error !== undefined) return reject(error);
      channel.on('data', (data: Buffer) => {
        const before = output.includes('ready');
        output += data.toString();
        if (!before && output.includes('ready')) channel.setWindow(44, 122, 0, 0);
      });
      channel.on('exit', resolve);
    });
  });
  assert.equal(code, 5);
  assert.match(output, /^33 111\r\n(\/dev\/\S+)\r\n\1 vt220\r\n[\s\S]*44 122\r\n$/);
});

test('terminal modes of the client are those of the pty, and its user owns the terminal', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const { stdout } = await ssh(alice, ['-tt', here, 'stty -a; id -u; id -G; stat -c %u $(tty)']);
  assert.match(stdout, /intr = \^C;/);
  const ids = stdout.trim().split(/\r?\n/).slice(-3);
  assert.equal(ids[0], ids[2]);
  if ('runAs' in account) assert.equal(ids[1], '65534');
});

test('SSH-08 X11 forwarding is refused', async (t) => {
  const { key, peers, port, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const client = await connected(t, port, alice);
  const error = await new Promise<Error | undefined>((resolve) =>
    client.exec('true', { x11: true }, resolve),
  );
  assert.match(error?.message ?? '', /X11/i);
  assert.deepEqual(lines('ssh denied'), [`ssh denied addr=${here} peer=alice what=x11`]);
});

test('SSH-09 agent forwarding is refused and no SSH_AUTH_SOCK exists in the child', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const { code, stdout } = await ssh(alice, ['-A', here, 'echo "[$SSH_AUTH_SOCK]"']);
  assert.deepEqual([code, stdout], [0, '[]\n']);
});

test('SSH-10 an unknown subsystem is refused', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec', 'ssh:sftp'], { fingerprints: [alice.normal] });
  const { code, stderr } = await ssh(alice, ['-s', here, 'netconf']);
  assert.equal(code, 255);
  assert.match(stderr, /subsystem request failed/);
});

test('SSH-11 exec outside the caller’s scopes is refused and no process is started', async (t) => {
  const { key, peers, ssh, folder, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec:ech?'], { fingerprints: [alice.normal] });
  const mark = `${folder}/mark`;
  for (const command of [
    `touch ${mark}`,
    `echo x; touch ${mark}`,
    `echo $(touch ${mark})`,
    `sh -c "touch ${mark}"`,
  ]) {
    const { code, stderr } = await ssh(alice, [here, command]);
    assert.equal(code, 255, command);
    assert.match(stderr, /exec request failed/);
  }
  assert.ok(!existsSync(mark));
  assert.equal(lines('ssh denied').filter((line) => line.endsWith('what=exec')).length, 4);
  const { stdout } = await ssh(alice, [here, `echo 'a  b' "c \\"d\\"" e\\ f`]);
  assert.equal(stdout, 'a  b c "d" e f\n');
});

test('SSH-31 with ssh:exec:git-* the command `git-x; id` starts nothing', async (t) => {
  const { key, peers, ssh, write, folder } = await lab(t);
  const bin = write('git-x', '#!/bin/sh\necho ran\n', 0o755);
  chmodSync(folder, 0o755);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec:git-*', `ssh:exec:${bin}`], { fingerprints: [alice.normal] });
  assert.equal((await ssh(alice, [here, bin])).stdout, 'ran\n');
  for (const command of ['git-x; id', 'git-x\nid', 'git-x `id`', 'git-x | id', 'git-x && id']) {
    const { code, stdout } = await ssh(alice, [here, command]);
    assert.deepEqual([code, stdout], [255, ''], command);
  }
});

test('SSH-12 exec returns stdout, stderr separately, and the exit status; a child killed by a signal gives exit-signal', async (t) => {
  const { key, peers, ssh, port } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  for (const status of [0, 1, 42, 255]) {
    const { code, stdout, stderr } = await ssh(alice, [here, `echo out; echo err >&2; exit ${status}`]);
    assert.deepEqual([code, stdout, stderr], [status, 'out\n', 'err\n']);
  }
  const client = await connected(t, port, alice);
  for (const pty of [false, true]) {
    const exit = await new Promise<unknown[]>((resolve) => {
      client.exec('kill -TERM $$', { pty }, (_error, channel) => {
        channel.resume();
        channel.on('exit', (...args: unknown[]) => resolve(args));
      });
    });
    assert.deepEqual(exit.slice(0, 2), [null, 'SIGTERM'], `pty ${pty}`);
  }
});

test('a signal of the client reaches the child', async (t) => {
  const { key, peers, port } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const client = await connected(t, port, alice);
  const exit = await new Promise<unknown[]>((resolve) => {
    client.exec('trap "exit 9" USR1; echo ready; while :; do sleep 0.05; done', (_error, channel) => {
      channel.once('data', () => {
        channel.signal('USR1');
      });
      channel.on('exit', (...args: unknown[]) => resolve(args));
    });
  });
  assert.equal(exit[0], 9);
});

test('end of input ends the child’s input, and its output goes on', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const data = randomBytes(3_000_000);
  const { code, stdout } = await ssh(alice, [here, 'cat; sleep 0.2; echo end'], data);
  assert.equal(code, 0);
  assert.ok(Buffer.from(stdout, 'latin1').equals(Buffer.concat([data, Buffer.from('end\n')])));
});

test('SSH-32 a child sees none of the daemon’s environment', async (t) => {
  process.env['ALKNET_TEST_SECRET'] = 'hunter2';
  t.after(() => delete process.env['ALKNET_TEST_SECRET']);
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec', 'ssh:exec:env'], { fingerprints: [alice.normal] });
  const expected = [
    'ALKNET_PEER',
    'HOME',
    'LANG',
    'LC_TIME',
    'LOGNAME',
    'PATH',
    'SHELL',
    'SSH_CLIENT',
    'SSH_CONNECTION',
    'USER',
  ];
  const { stdout } = await ssh(alice, ['-o', 'SetEnv=LC_TIME=C SECRET=1 LD_PRELOAD=/x', here, 'env']);
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0] ?? '');
  // What the shell itself adds.
  assert.deepEqual(names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort(), expected);
  assert.ok(!stdout.includes('hunter2'));
  const terminal = await ssh(alice, ['-tt', '-o', 'SetEnv=LC_TIME=C', here, 'env']);
  const more = terminal.stdout
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split('=')[0] ?? '');
  assert.deepEqual(
    more.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort(),
    [...expected, 'SSH_TTY', 'TERM'].sort(),
  );
});

test('a child has no descriptor but 0, 1 and 2, and leads its own process group', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  for (const tty of [[], ['-tt']]) {
    const { stdout } = await ssh(alice, [
      ...tty,
      here,
      'ls /proc/$$/fd | tr "\\n" " "; ps -o pgid= -p $$; echo $$',
    ]);
    const [first = '', second = ''] = stdout.trim().split(/\r?\n/);
    assert.match(first, /^0 1 2 /, `${tty}`);
    assert.ok(!/^0 1 2 [3-9] /.test(first), stdout);
    assert.equal(first.trim().split(/\s+/).at(-1), second.trim());
  }
});

test('SSH-33 closing the connection kills a child that ignores HUP within 6 s and leaves no zombie', async (t) => {
  const { key, peers, start, write, folder } = await lab(t);
  chmodSync(folder, 0o777);
  write('unused', '');
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const mark = `${folder}/pids`;
  for (const tty of [[], ['-tt']]) {
    const command = `trap "" HUP; sleep 100 & echo $$ $! > ${mark}; echo ready; while :; do sleep 1; done`;
    const child = start(alice, [...tty, here, command]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await until('pids', () => existsSync(mark) && readFileSync(mark, 'utf8').endsWith('\n'));
    const pids = readFileSync(mark, 'utf8').trim().split(' ').map(Number);
    child.kill('SIGKILL');
    const begun = performance.now();
    // The second has lost its parent: to take it away is the business of the system.
    const [own = 0, orphan = 0] = pids;
    const isDead = (pid: number) =>
      !existsSync(`/proc/${pid}`) || /\) Z 1 /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    await until('end of the children', () => !existsSync(`/proc/${own}`) && isDead(orphan), 6000);
    assert.ok(performance.now() - begun < 6000);
    rmSync(mark);
  }
});

test('SSH-34 10 MiB of exec output passes a slow reader without loss and with bounded memory', async (t) => {
  const { key, peers, options } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (const tty of [[], ['-tt']]) {
    const command = 'stty raw 2>/dev/null; head -c 10485760 /dev/zero | tr "\\0" x';
    const args = [...options(alice), ...tty, here, command].map((word) => `'${word}'`).join(' ');
    gc();
    const before = process.memoryUsage();
    // The reader takes nothing until it is told to: every window, pipe and buffer on the way is full then.
    const child = spawn('sh', ['-c', `ssh ${args} 2>&1 | (read go <&3; wc -c)`], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const result = ran(child);
    let grown = 0;
    let still = 0;
    await until('a standstill', async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      gc();
      const now = process.memoryUsage();
      const last = grown;
      grown = now.arrayBuffers + now.external - before.arrayBuffers - before.external;
      still = Math.abs(grown - last) < 10_000 ? still + 1 : 0;
      return still === 3;
    });
    assert.ok(grown < 2 * 1024 * 1024, `${grown} bytes wait`);
    (child.stdio[3] as import('node:stream').Writable).end('go\n');
    assert.equal((await result).stdout.trim(), '10485760');
  }
});

test('all output of a pty arrives when the program ends before a slow reader has taken it', async (t) => {
  const { key, peers, start, folder } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  chmodSync(folder, 0o777);
  const mark = `${folder}/ended`;
  const child = start(alice, ['-tt', here, `stty raw; seq 1 400000; touch ${mark}`]);
  const { stdout } = child;
  assert.ok(stdout !== null);
  let text = '';
  let ended = false;
  for await (const chunk of stdout) {
    text += String(chunk);
    if (ended) continue;
    ended = existsSync(mark);
    // Slower than the program, so that every buffer on the way is full when it ends. Then longer than the library of the
    // pty waits before it drops what is left.
    await new Promise((resolve) => setTimeout(resolve, ended ? 400 : 10));
  }
  assert.ok(ended, 'the reader was done before the program');
  assert.equal(text.replaceAll('\r', ''), `${Array.from({ length: 400_000 }, (_, i) => i + 1).join('\n')}\n`);
});

test('SSH-36 the 65th channel is refused and the first 64 go on', async (t) => {
  const { key, peers, port } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const client = await connected(t, port, alice);
  const open = () =>
    new Promise<import('ssh2').ClientChannel | Error>((resolve) =>
      client.exec('cat', (error, channel) => resolve(error ?? channel)),
    );
  const channels = await Promise.all(Array.from({ length: 64 }, open));
  const refused = await open();
  assert.ok(refused instanceof Error && 'reason' in refused && refused.reason === 4, String(refused));
  for (const channel of channels) {
    assert.ok(!(channel instanceof Error));
    channel.stderr.resume();
    const echo = new Promise((resolve) => channel.once('data', (data: Buffer) => resolve(data.toString())));
    const closed = new Promise((resolve) => channel.once('close', resolve));
    channel.end('go on');
    assert.equal(await echo, 'go on');
    await closed;
  }
  assert.ok(!((await open()) instanceof Error));
});

test('SSH-39 nothing runs as uid 0 unless ssh.allowRoot is set', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can try: run the tests as root');
  const { key, peers, ssh, node } = await lab(t, { runAs: { uid: 0, gid: 0 } });
  const alice = key('alice');
  peers.set('alice', ['ssh:exec', 'ssh:shell'], { fingerprints: [alice.normal] });
  for (const args of [[here, 'id'], ['-tt', here, 'id'], [here], ['-tt', here]])
    assert.equal((await ssh(alice, args)).code, 255);
  const config = { listen: ['127.0.0.1:0'] };
  await node.configure(config);
  assert.equal((await ssh(alice, [here, 'id -u'])).code, 255);
  await node.configure({ ...config, allowRoot: true });
  assert.equal((await ssh(alice, [here, 'id -u'])).stdout, '0\n');
  await node.configure({ ...config, runAs: 'nobody' });
  assert.equal((await ssh(alice, [here, 'id -u; id -G'])).stdout, '65534\n65534\n');
  await node.configure({ ...config, runAs: 'no-such-user' });
  assert.equal((await ssh(alice, [here, 'id -u'])).code, 255);
});

test('SSH-23 a forced command runs instead of what was asked, with the request in SSH_ORIGINAL_COMMAND', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  const line = `command="echo forced: $SSH_ORIGINAL_COMMAND" ${alice.line}`;
  peers.set('alice', [], { sshKeys: [line] });
  assert.equal((await ssh(alice, [here, 'rm -rf /; id'])).stdout, 'forced: rm -rf /; id\n');
  assert.equal((await ssh(alice, [here])).stdout, 'forced:\n');
  assert.equal((await ssh(alice, ['-s', here, 'sftp'])).stdout, 'forced: sftp\n');
});

test('a shell of a peer of its own, and one with the peer in it', async (t) => {
  const { key, peers, ssh } = await lab(t, {
    shell: { command: ['/bin/echo', 'shell of {peer}'], peers: { bob: ['/bin/echo', 'bob’s'] } },
  });
  const [alice, bob] = [key('alice'), key('bob')];
  peers.set('alice', ['ssh:shell'], { fingerprints: [alice.normal] });
  peers.set('bob', ['ssh:shell'], { fingerprints: [bob.normal] });
  assert.equal((await ssh(alice, [here])).stdout, 'shell of alice\n');
  assert.equal(Buffer.from((await ssh(bob, [here])).stdout, 'latin1').toString(), 'bob’s\n');
});

test('a program that cannot be started fails the request, and the connection lives on', async (t) => {
  const { key, peers, ssh } = await lab(t, { exec: { shell: ['/no/such/shell', '-c'], path: ['/bin'] } });
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const { code, stderr } = await ssh(alice, [here, 'true']);
  assert.equal(code, 255);
  assert.match(stderr, /exec request failed/);
});

test('connection sharing of the stock client works: many sessions on one login', async (t) => {
  const { key, peers, ssh, folder, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const shared = ['-o', 'ControlMaster=auto', '-o', `ControlPath=${folder}/mux`, '-o', 'ControlPersist=30'];
  const first = await ssh(alice, [...shared, here, 'echo first; exit 2']);
  assert.deepEqual([first.code, first.stdout], [2, 'first\n']);
  const more = await Promise.all(
    Array.from({ length: 10 }, (_, i) => ssh(alice, [...shared, here, `cat; exit ${i}`], `input ${i}`)),
  );
  for (const [i, { code, stdout }] of more.entries()) assert.deepEqual([code, stdout], [i, `input ${i}`]);
  assert.equal(lines('ssh auth result=accept').length, 1);
  await ssh(alice, [...shared, '-O', 'exit', here]);
});
