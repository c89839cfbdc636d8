/** A mount beside the configuration whose other side does not answer, as a sshfs of this very node may be. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { watchFile } from '../../src/config/index.ts';
import { eventually } from './support.ts';

const sftpServer = '/usr/lib/openssh/sftp-server';
const skip = (() => {
  if (!existsSync('/dev/fuse')) return 'needs /dev/fuse';
  const there = spawnSync('sshfs', ['--version']).error === undefined && existsSync(sftpServer);
  return there ? false : 'needs sshfs and sftp-server: apt-get install sshfs openssh-sftp-server';
})();

test('CFG-15 saving is noticed while a directory beside the file does not answer', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-'));
  const file = join(folder, 'alknet.config.json');
  await writeFile(file, '{}');
  await deafMount(t, folder);
  let changes = 0;
  const watch = await watchFile(file, () => changes++);
  t.after(() => watch.close());
  await writeFile(file, '{ "name": "a" }');
  assert.ok((await eventually(() => changes === 1)) < 1000);
});

/** Mounted by sshfs, which is then stopped: whoever asks for anything below it, or for itself, waits. */
async function deafMount(t: TestContext, folder: string): Promise<void> {
  const [source, target] = [join(folder, 'source'), join(folder, 'mounted')];
  for (const path of [source, target]) await mkdir(path);
  const server = spawn(sftpServer, { stdio: ['pipe', 'pipe', 'ignore'] });
  const sshfs = spawn('sshfs', ['-f', '-o', 'passive', `:${source}`, target], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  server.stdout.pipe(sshfs.stdin);
  sshfs.stdout.pipe(server.stdin);
  t.after(async () => {
    await Promise.all([sshfs, server].map(ended));
    spawnSync('fusermount3', ['-u', '-z', target]);
    await rm(folder, { recursive: true, force: true });
  });
  const mounts = () => readFileSync('/proc/self/mounts', 'utf8').includes(target);
  await eventually(() => sshfs.exitCode !== null || mounts());
  assert.ok(mounts(), 'sshfs has mounted');
  sshfs.kill('SIGSTOP');
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
