/** `alknet ssh` in the places where other programs ask for an ssh: to a real node with its sftp and git. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Daemon, eventually, made, type Place, up } from '../../../../host/test/e2e/support.ts';
import { account, ran } from '../support.ts';
import { environment, program } from './tunnel-support.ts';

/** What a test says when it cannot run; `false` when it can. */
function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return absent.length > 0 && `needs ${absent.join(', ')}: apt-get install ${absent.join(' ')}`;
}

function noMount(): string | false {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return missing('sshfs');
  } catch {
    return 'needs /dev/fuse, and the right to mount';
  }
}

interface Node extends Place {
  readonly node: Daemon;
  /** A folder that the account of the node may write to. */
  readonly shared: string;
  /** Port of the bare listener. */
  readonly port: number;
  /** Runs a program that finds `alknet` on its PATH; must end with 0. Its standard output. */
  exec(file: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string>;
}

async function withAll(t: TestContext): Promise<Node> {
  const here = await made(t);
  const shared = await mkdtemp(join(tmpdir(), 'alknet-shared-'));
  await chmod(shared, 0o777);
  t.after(() => rm(shared, { recursive: true, force: true }));
  const ssh = { ...account, listen: ['127.0.0.1:0'], forward: { policy: { default: 'allow' } } };
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      plugins: {
        call: true,
        ssh: { config: ssh },
        sftp: { config: { exports: [`share:${shared}:rw`] } },
        git: { config: { push: { enabled: true } } },
      },
    }),
  );
  await here.ok([
    ...['peer', 'set', 'operator', '--scope', 'ssh:exec', '--scope', 'ssh:forward:local'],
    ...['--scope', 'git:write:**', '--resource', 'sftp=share'],
  ]);
  const node = await up(here);
  const listening = () => /"port":(\d+),"event":"ssh listening"/.exec(node.output())?.[1];
  await eventually('the SSH listener', async () => listening() !== undefined, 30_000);
  const bin = join(here.folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'alknet'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  await chmod(join(bin, 'alknet'), 0o755);
  return {
    ...here,
    node,
    shared,
    port: Number(listening()),
    async exec(file, args, env = {}) {
      const own = environment(here);
      const child = spawn(file, args, {
        cwd: here.folder,
        env: { ...own, PATH: `${bin}:${own['PATH']}`, ALKNET_CONFIG: here.config, ...env },
      });
      child.stdin.end();
      const { code, stdout, stderr } = await ran(child);
      assert.equal(code, 0, `${file} ${args.join(' ')}: ${stderr}`);
      return stdout;
    },
  };
}

test('CLI-25 git with GIT_SSH_COMMAND="alknet ssh" pushes and clones', {
  skip: missing('git'),
}, async (t) => {
  const here = await withAll(t);
  const env = {
    GIT_SSH_COMMAND: 'alknet ssh',
    GIT_CONFIG_NOSYSTEM: '1',
    ...{ GIT_AUTHOR_NAME: 'ada', GIT_AUTHOR_EMAIL: 'ada@node.example' },
    ...{ GIT_COMMITTER_NAME: 'ada', GIT_COMMITTER_EMAIL: 'ada@node.example' },
  };
  const git = (...args: string[]) => here.exec('git', args, env);
  await here.ok(['call', 'git/create', 'name=team/app']);
  await git('init', '--quiet', '-b', 'main', 'work');
  await here.write('work/file.txt', 'through ssh\n');
  await git('-C', 'work', 'add', '.');
  await git('-C', 'work', 'commit', '--quiet', '-m', 'one');
  await git('-C', 'work', 'push', '--quiet', 'ssh://git@local/team/app.git', 'main');
  await git('clone', '--quiet', 'ssh://git@local/team/app.git', 'copy');
  assert.equal(await here.read('copy/file.txt'), 'through ssh\n');
});

test('CLI-25 rsync -e "alknet ssh" copies a tree both ways', { skip: missing('rsync') }, async (t) => {
  const here = await withAll(t);
  const rsync = (...args: string[]) => here.exec('rsync', ['-r', '--times', '-e', 'alknet ssh', ...args]);
  const source = new URL('../../src/', import.meta.url).pathname;
  await rsync(source, `local:${here.shared}/tree/`);
  await rsync(`local:${here.shared}/tree/`, 'back/');
  for (const copy of [join(here.shared, 'tree'), 'back'])
    assert.equal(await here.exec('diff', ['-r', source, copy]), '');
  // What is there already is not sent again: an unchanged tree has nothing to tell.
  assert.equal(await rsync('--itemize-changes', source, `local:${here.shared}/tree/`), '');
});

test('CLI-25 sshfs with ssh_command="alknet ssh" mounts an export', { skip: noMount() }, async (t) => {
  const here = await withAll(t);
  const mount = join(here.folder, 'mount');
  await mkdir(mount);
  const own = environment(here);
  const child = spawn('sshfs', ['-f', 'local:/share', mount, '-o', 'ssh_command=alknet ssh'], {
    cwd: here.folder,
    env: { ...own, PATH: `${join(here.folder, 'bin')}:${own['PATH']}`, ALKNET_CONFIG: here.config },
    stdio: 'ignore',
  });
  const over = new Promise((resolve) => child.once('close', resolve));
  // Before the folders go, or what is in the mount would go with them.
  here.daemons.add(async () => {
    spawnSync('umount', ['-l', mount]);
    child.kill();
    await over;
  });
  await eventually(
    'the mount',
    async () => (await readFile('/proc/self/mounts', 'utf8')).includes(` ${mount} fuse.sshfs`),
    60_000,
  );
  await writeFile(join(mount, 'note'), 'through sshfs\n');
  assert.equal(await readFile(join(here.shared, 'note'), 'utf8'), 'through sshfs\n');
  spawnSync('umount', ['-l', mount]);
});

test('alknet ssh shares one connection, and is a jump host by -W', { skip: missing('ssh') }, async (t) => {
  const here = await withAll(t);
  const ssh = (...args: string[]) => here.exec('alknet', ['ssh', ...args]);
  const shared = ['-o', 'ControlMaster=auto', '-o', 'ControlPath=mux', '-o', 'ControlPersist=30'];
  assert.equal(await ssh(...shared, 'local', 'echo first'), 'first\n');
  assert.equal(await ssh(...shared, '--', 'local', 'echo second'), 'second\n');
  assert.equal(here.node.output().split('ssh auth result=accept').length - 1, 1);
  await ssh(...shared, '-O', 'exit', 'local');

  const beyond = await here.exec('ssh', [
    ...['-F', 'none', '-o', 'ProxyCommand=alknet ssh -W %h:%p local', '-p', String(here.port)],
    ...['-i', 'data/operator.key', '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
    ...['-o', 'StrictHostKeyChecking=accept-new', '-o', 'UserKnownHostsFile=known'],
    ...['ada@127.0.0.1', 'echo beyond $ALKNET_PEER'],
  ]);
  assert.equal(beyond, 'beyond operator\n');
});

test('ssh -J goes through the node, reached over QUIC, over TLS and at the bare listener', {
  skip: missing('ssh'),
}, async (t) => {
  const here = await withAll(t);
  const common = [
    ...['User ada', 'IdentityFile data/operator.key', 'IdentitiesOnly yes', 'BatchMode yes'],
    ...['StrictHostKeyChecking accept-new', 'UserKnownHostsFile known'],
  ];
  await here.write(
    'ssh_config',
    [
      ...['Host quic', 'ProxyCommand alknet pipe local alknet/ssh --transport quic'],
      ...['Host tls', 'ProxyCommand alknet pipe local alknet/ssh --transport tls'],
      ...['Host bare beyond', 'HostName 127.0.0.1', `Port ${here.port}`],
      ...['Host *', ...common, ''],
    ].join('\n'),
  );
  for (const jump of ['quic', 'tls', 'bare']) {
    const words = ['-F', 'ssh_config', '-J', jump, 'beyond', 'echo beyond $ALKNET_PEER'];
    assert.equal(await here.exec('ssh', words), 'beyond operator\n', jump);
  }
  // Each is a login at the jump host and one beyond it.
  assert.equal(here.node.output().split('ssh auth result=accept').length - 1, 6);
});
