/** The subsystem `sftp` of SSH: the programs that people have, through the plugins ssh and sftp of one daemon. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { chmod, cp, mkdtemp, open, readFile, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../../host/test/e2e/support.ts';
import { command, type Node, node } from './daemon.ts';
import { assertSameTree, missing, type Ran, run } from './programs.ts';

interface SshNode extends Node {
  readonly port: number;
  /** Options of ssh, one `-o` each: to the bare listener. */
  readonly bare: readonly string[];
  /** The same through `alknet pipe`, so over QUIC. */
  readonly quic: readonly string[];
  exec(program: string, ...args: readonly string[]): Promise<Ran>;
}

async function sshNode(t: TestContext): Promise<SshNode> {
  const here = await node(t, { listen: ['127.0.0.1:0'] });
  await eventually('the SSH listener', () => listeningPort(here) !== undefined, 30_000);
  const options = [
    `IdentityFile=${join(here.data, 'operator.key')}`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'BatchMode=yes',
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile=${join(here.folder, 'known_hosts')}`,
    'LogLevel=ERROR',
    'User=operator',
  ];
  const port = listeningPort(here) ?? 0;
  const proxy = `ProxyCommand=${process.execPath} ${command} --config ${here.config} pipe local alknet/ssh`;
  return {
    ...here,
    port,
    bare: [...options, `Port=${port}`].flatMap((option) => ['-o', option]),
    quic: [...options, proxy, 'HostKeyAlias=node'].flatMap((option) => ['-o', option]),
    exec: (program, ...args) => run(program, args, { cwd: here.folder, env: here.env }),
  };
}

function listeningPort({ daemon }: Node): number | undefined {
  const line = daemon
    .output()
    .split('\n')
    .find((text) => text.includes('"event":"ssh listening"'));
  return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port;
}

function ok({ code, output }: Ran): string {
  assert.equal(code, 0, output);
  return output;
}

/** `ssh -a -x` with these options, as a program whose name has no spaces: some take a command line apart themselves. */
async function sshProgram(here: SshNode, options: readonly string[]): Promise<string> {
  const words = options.map((word) => `'${word}'`).join(' ');
  const program = await here.write('ssh-program', `#!/bin/sh\nexec ssh -a -x ${words} "$@"\n`);
  await chmod(program, 0o755);
  return program;
}

/** A tree worth the name: the source of this plugin. */
const source = fileURLToPath(new URL('../src', import.meta.url));

test('SFTP-01 OpenSSH sftp lists, puts, gets, renames and removes through the SSH subsystem', {
  skip: missing('sftp'),
}, async (t) => {
  const here = await sshNode(t);
  const content = randomBytes(2_000_000);
  await writeFile(join(here.folder, 'local'), content);
  for (const [name, options] of [
    ['bare', here.bare],
    ['quic', here.quic],
  ] as const) {
    const lines = [
      'put local',
      'ls -la',
      'rename local renamed',
      `get renamed back-${name}`,
      'rm renamed',
      'ls -1',
    ];
    const batch = await here.write('batch', `${lines.join('\n')}\n`);
    const output = ok(await here.exec('sftp', ...options, '-b', batch, '127.0.0.1'));
    assert.match(output, /2000000 .* local$/m);
    assert(output.trimEnd().endsWith('ls -1'), output);
    assert.deepEqual(await readFile(join(here.folder, `back-${name}`)), content);
  }
});

test('scp copies trees by SFTP both ways, on the bare listener and over QUIC', {
  skip: missing('scp'),
}, async (t) => {
  const here = await sshNode(t);
  for (const [name, options] of [
    ['bare', here.bare],
    ['quic', here.quic],
  ] as const) {
    ok(await here.exec('scp', '-q', '-s', '-r', ...options, source, `127.0.0.1:${name}`));
    ok(await here.exec('scp', '-q', '-s', '-r', '-p', ...options, `127.0.0.1:${name}`, `back-${name}`));
    await assertSameTree(here.folder, source, `back-${name}`);
  }
});

test('SFTP-21 rclone and lftp sync a tree both ways', { skip: missing('rclone', 'lftp') }, async (t) => {
  const here = await sshNode(t);
  await cp(source, join(here.folder, 'tree'), { recursive: true });
  const key = join(here.data, 'operator.key');

  const remote = `:sftp,host=127.0.0.1,port=${here.port},user=operator,key_file=${key},shell_type=none:`;
  ok(await here.exec('rclone', '--config', '/dev/null', 'sync', 'tree', `${remote}by-rclone`));
  ok(await here.exec('rclone', '--config', '/dev/null', 'check', '--download', 'tree', `${remote}by-rclone`));
  ok(await here.exec('rclone', '--config', '/dev/null', 'sync', `${remote}by-rclone`, 'from-rclone'));
  await assertSameTree(here.folder, 'tree', 'from-rclone');

  const program = await sshProgram(here, here.quic);
  const lftp = (...lines: string[]) =>
    here.exec(
      'lftp',
      '--norc',
      '-c',
      [
        `set sftp:connect-program ${program}`,
        'set cmd:fail-exit yes',
        'set net:max-retries 2',
        'open sftp://operator@127.0.0.1',
        ...lines,
      ].join('; '),
    );
  ok(await lftp('mirror -R tree by-lftp', 'mirror by-lftp from-lftp'));
  await assertSameTree(here.folder, 'tree', 'from-lftp');
});

function fuse(): string | false {
  const absent = missing('sshfs');
  if (absent !== false) return absent;
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return 'needs /dev/fuse, and the right to mount';
  }
}

/** Mounts the export; it is taken down when the daemon ends. */
async function mounted(here: SshNode, options: readonly string[]): Promise<string> {
  // Not below the folder of the configuration: the daemon watches that, and would wait for itself.
  const mount = await mkdtemp(join(tmpdir(), 'alknet-mount-'));
  const program = await sshProgram(here, options);
  const child: ChildProcess = spawn(
    'sshfs',
    ['-f', '127.0.0.1:/share', mount, '-o', `ssh_command=${program}`, '-o', 'cache=no'],
    { cwd: here.folder, env: here.env, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const over = new Promise((resolve) => child.once('close', resolve));
  // Before the folder goes, or what is in the mount would go with it.
  here.daemons.add(async () => {
    await run('umount', ['-l', mount]);
    child.kill();
    await over;
    await rmdir(mount);
  });
  await eventually(
    'the mount',
    async () => (await readFile('/proc/self/mounts', 'utf8')).includes(` ${mount} fuse.sshfs`),
    30_000,
  );
  return mount;
}

test('SFTP-20 sshfs mounts an export, and a copied source tree compares equal through it', {
  skip: fuse(),
}, async (t) => {
  const here = await sshNode(t);
  const mount = await mounted(here, here.bare);
  ok(await here.exec('cp', '-r', source, join(mount, 'tree')));
  await assertSameTree(here.folder, source, join(mount, 'tree'));
  await assertSameTree(here.folder, source, join(here.share, 'tree'));

  // Rename over, links, modes, times, and what is not there.
  await writeFile(join(mount, 'a'), 'a');
  await writeFile(join(mount, 'b'), 'b');
  ok(await here.exec('mv', join(mount, 'a'), join(mount, 'b')));
  assert.equal(await readFile(join(here.share, 'b'), 'utf8'), 'a');
  ok(await here.exec('ln', '-s', 'b', join(mount, 'link')));
  ok(await here.exec('chmod', '640', join(mount, 'link')));
  ok(await here.exec('touch', '-d', '2001-02-03', join(mount, 'b')));
  ok(await here.exec('rm', '-r', join(mount, 'tree')));
  assert.match(ok(await here.exec('stat', '-c', '%a %Y', join(here.share, 'b'))), /^640 98\d{7}$/m);
  assert.equal((await here.exec('cat', join(mount, 'absent'))).code, 1);
});

test('random reads, writes and truncations through sshfs leave the file as on a local copy', {
  skip: fuse(),
}, async (t) => {
  const here = await sshNode(t);
  const mount = await mounted(here, here.quic);
  const [remote, local] = await Promise.all([
    open(join(mount, 'file'), 'w+'),
    open(join(here.folder, 'copy'), 'w+'),
  ]);
  const most = 400_000;
  for (let step = 0; step < 300; step++) {
    const at = randomInt(most);
    const length = 1 + randomInt(50_000);
    const kind = randomInt(5);
    if (kind === 0) {
      for (const file of [remote, local]) await file.truncate(at);
    } else if (kind === 1) {
      const [one, other] = await Promise.all(
        [remote, local].map(async (file) => {
          const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
          return buffer.subarray(0, bytesRead);
        }),
      );
      assert.deepEqual(one, other, `step ${step}: ${length} bytes at ${at}`);
    } else {
      const data = randomBytes(length);
      for (const file of [remote, local]) await file.write(data, 0, length, at);
    }
  }
  await Promise.all([remote.close(), local.close()]);
  assert.deepEqual(await readFile(join(here.share, 'file')), await readFile(join(here.folder, 'copy')));
});
