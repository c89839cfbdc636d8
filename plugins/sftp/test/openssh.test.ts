/** OpenSSH's own regress scripts, with the plugin in the place of `sftp-server`. */

import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { missing, regress, run, stdioServer } from './programs.ts';
import { place } from './support.ts';

/** The scripts that call on an SFTP server. What each proves is said at its head. */
const scripts = [
  'sftp',
  'sftp-cmds',
  'sftp-badcmds',
  'sftp-batch',
  'sftp-glob',
  // These run OpenSSH's sshd with the plugin as its subsystem.
  'sftp-uri',
  'scp',
  'scp3',
  'scp-uri',
];

/** Failures that the specification wants, by script. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  // `ln -s` with an absolute target: `docs/spec/sftp.md` 4, SYMLINK.
  'sftp-cmds': ['missing file after ln -s'],
};

/**
 * Those that do not apply: sftp-perm tests the options -p and -P of the program sftp-server; sftp-chroot tests
 * ChrootDirectory of sshd with its built-in server.
 */

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function runScript(t: TestContext, name: string): Promise<void> {
  const { folder } = await place(t);
  const copy = join(folder, 'regress');
  await cp(regress, copy, { recursive: true });
  // The scripts use paths of the host: an export is named as the first part of such a path.
  const [, first = ''] = folder.split('/');
  const server = await stdioServer(t, folder, [`${first}:/${first}:rw`, 'usr:/usr:ro', 'bin:/bin:ro']);
  // The program of that name is also the file that they copy, by 5 bytes a request too: a small one will do.
  const agent = join(folder, 'ssh-agent');
  await writeFile(agent, `#!/bin/sh\nexec ssh-agent "$@"\n${'# copied\n'.repeat(10_000)}`, { mode: 0o755 });
  const { code, output, lines } = await run('sh', ['test-exec.sh', copy, join(copy, `${name}.sh`)], {
    cwd: copy,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      TEST_SHELL: 'sh',
      TEST_SSH_SFTPSERVER: server,
      TEST_SSH_SSHAGENT: agent,
      TEST_SSH_PORT: String(await freePort()),
      // The folder is below /tmp, which is for everybody.
      TEST_SSH_UNSAFE_PERMISSIONS: '1',
      OBJ: copy,
      BUILDDIR: copy,
    },
  });
  const failures = wanted[name] ?? [];
  assert.equal(code, failures.length === 0 ? 0 : 1, output);
  if (failures.length === 0)
    assert(
      lines.some((line) => line.startsWith('ok ')),
      output,
    );
  const others = lines.filter((line) => /^(failed|missing|corrupted|FAIL|FATAL)/.test(line));
  assert.deepEqual(
    others.filter((line) => !line.startsWith('failed ') || line.includes(':')),
    failures,
    output,
  );
}

const skip = missing('sftp', `${regress}/netcat`);

describe('SFTP-01 OpenSSH', { concurrency: 2, skip }, () => {
  for (const name of scripts)
    test(`SFTP-01 the regress script ${name}.sh passes with the plugin as its server`, (t) =>
      runScript(t, name));
});
