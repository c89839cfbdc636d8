/** `alknet sftp` on a real daemon. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../../host/test/e2e/support.ts';
import { command, node } from './daemon.ts';
import { assertSameTree } from './programs.ts';

test('SFTP-02 the built-in client of `alknet sftp` does the same over the ALPN', async (t) => {
  const here = await node(t);
  const sftp = (...words: string[]) => here.ok(['sftp', ...words]);
  const content = randomBytes(1_500_000);
  await writeFile(join(here.folder, 'local'), content);
  await sftp('local', 'put', 'local');
  await sftp('local', 'mkdir', 'd');
  await sftp('local', 'mv', 'local', 'd/moved');
  await sftp('local', 'get', 'd/moved', 'back');
  assert.deepEqual(await readFile(join(here.folder, 'back')), content);
  assert.match(await sftp('local', 'ls', 'd'), /^-rw-r--r-- .* 1500000 .* moved$/m);
  const facts = JSON.parse(await sftp('--json', 'local', 'stat', 'd/moved')) as Record<string, unknown>;
  assert.deepEqual([facts['size'], facts['mode']], [1_500_000, '0644']);

  await mkdir(join(here.folder, 'tree/sub'), { recursive: true });
  for (let n = 0; n < 20; n++) await writeFile(join(here.folder, `tree/sub/f${n}`), `content ${n}`);
  await sftp('local', 'put', '-r', 'tree', 'there');
  await sftp('local', 'get', '-r', 'there', 'came-back');
  await assertSameTree(here.folder, 'tree', 'came-back');

  await sftp('local', 'rm', 'd/moved', 'd');
  assert.equal(
    await sftp('local', 'ls', 'd').catch((error: Error) => /no such file/.test(error.message)),
    true,
  );
  const absent = await here.run(['sftp', 'local', 'get', 'absent']);
  assert.equal(absent.code, 7);
  assert.match(absent.stderr, /absent: no such file/);
  assert.equal((await here.run(['sftp', 'local', 'get', 'there'])).code, 2);
  const mistyped = await here.run(['sftp', 'local', 'gett', 'there']);
  assert.equal(mistyped.code, 2);
  assert.match(mistyped.stderr, /takes one of .*put.*found "gett"/);
  // What follows -- is for OpenSSH's sftp.
  assert.match(await sftp('--print', 'local', '--', '-b', 'batch'), /^sftp -D .*alknet\/sftp.* -b batch\n$/);
});

test('CLI-26 `alknet sftp PEER put` and `get` resumed after an interruption give an equal file', async (t) => {
  const here = await node(t);
  const content = randomBytes(40_000_000);
  await writeFile(join(here.folder, 'local'), content);
  const size = async (path: string) =>
    stat(path).then(
      (found) => found.size,
      () => 0,
    );
  for (const [verb, from, to, part] of [
    ['put', 'local', 'remote', join(here.share, 'remote.alknet-part')],
    ['get', 'remote', 'back', join(here.folder, 'back.alknet-part')],
  ] as const) {
    const child = spawn(process.execPath, [command, 'sftp', 'local', verb, from, to], {
      cwd: here.folder,
      env: here.env,
      stdio: 'ignore',
    });
    const over = new Promise((resolve) => child.once('close', resolve));
    await eventually('some of the file', async () => (await size(part)) > 1_000_000, 20_000);
    child.kill('SIGKILL');
    await over;
    const there = await size(part);
    assert(there > 0 && there < content.length, `${there} bytes`);
    await here.ok(['sftp', 'local', verb, '--resume', from, to]);
  }
  assert.deepEqual(await readFile(join(here.share, 'remote')), content);
  assert.deepEqual(await readFile(join(here.folder, 'back')), content);
});
