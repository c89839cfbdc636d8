/** Runs one of OpenSSH's own regress scripts, with the plugin in the place of `sshd`. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ownPorts } from './ports.ts';
import { regress, sshdProgram } from './stand-in.ts';

export interface Script {
  readonly name: string;
  /** What the script says that fails, and the specification wants: each time that it says so. */
  readonly wanted?: readonly string[];
}

export const times = (count: number, words: string): string[] => Array(count).fill(words);

export const title = ({ name }: Script) =>
  `the regress script ${name}.sh passes with the plugin as its server`;

/** What a test says when it cannot run; `false` when it can. */
export const skip = !existsSync(`${regress}/netcat`) && 'needs OpenSSH: apt-get install openssh-tests';

/** `ssh`, that tells of the algorithms which the specification names and of no others. */
const narrowSsh = `#!/bin/sh
what= last=
for word in "$@"; do
  [ "$last" = -Q ] && what=$word
  last=$word
done
case "$what" in
  '') exec ssh "$@" ;;
  kex) names='curve25519-sha256(@libssh.org)?|ecdh-sha2-nistp(256|384)|diffie-hellman-group16-sha512' ;;
  [Cc]ipher*) names='chacha20-poly1305@openssh.com|aes(256|128)-gcm@openssh.com|aes(256|128)-ctr' ;;
  [Mm][Aa][Cc]*) names='hmac-sha2-(256|512)-etm@openssh.com' ;;
  key-plain) names='ssh-ed25519' ;;
  *) names='.*' ;;
esac
ssh -Q "$what" | grep -Ex "$names"
`;

export async function runScript(t: TestContext, { name, wanted = [] }: Script): Promise<void> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'alknet-openssh-')));
  const copy = join(folder, 'regress');
  await cp(regress, copy, { recursive: true });
  const sshd = await sshdProgram(t, folder, copy);
  t.after(() => rm(folder, { recursive: true, force: true }));
  const tool = async (file: string, text: string) => {
    await writeFile(join(folder, file), text, { mode: 0o755 });
    return join(folder, file);
  };
  await tool('telnet', `#!/bin/sh\nexec ${regress}/netcat "$@"\n`);
  // With a group of its own: a script may leave something running.
  const child = spawn('sh', ['test-exec.sh', copy, join(copy, `${name}.sh`)], {
    cwd: copy,
    detached: true,
    env: {
      PATH: `${folder}:${process.env['PATH']}`,
      // Where the client looks for it, whatever this says.
      HOME: userInfo().homedir,
      TEST_SHELL: 'sh',
      TEST_SSH_SSH: await tool('narrow-ssh', narrowSsh),
      TEST_SSH_SSHD: sshd.path,
      TEST_SSH_SFTPSERVER: '/usr/lib/openssh/sftp-server',
      TEST_SSH_PORT: String(await ownPorts(t, copy, name)),
      // The folder is below /tmp, which is for everybody.
      TEST_SSH_UNSAFE_PERMISSIONS: '1',
      OBJ: copy,
      BUILDDIR: copy,
    },
  });
  let output = '';
  let stdout = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => {
      output += piece;
      if (stream === child.stdout) stdout += piece;
    });
  child.stdin.end();
  const closed = once(child, 'close');
  const end = () => child.pid !== undefined && killGroup(child.pid);
  t.after(end);
  child.once('exit', end);
  const [code] = await closed;
  assert.deepEqual(sshd.failures, [], output);
  assert.deepEqual(await failuresOf(copy, stdout), wanted, output);
  assert.equal(code, wanted.length === 0 ? 0 : 1, output);
  assert.doesNotMatch(stdout, /^SKIPPED/m);
  if (wanted.length === 0) assert.match(stdout, /^ok /m);
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

/** What a script says that has failed, each time that it says so: its words are free, and kept in a log. */
async function failuresOf(folder: string, stdout: string): Promise<string[]> {
  const log = await readFile(join(folder, 'failed-regress.log'), 'utf8').catch(() => '');
  const said = new Set([...log.matchAll(/^(?:FAIL|FATAL): (.*?) *$/gm)].map(([, words]) => words));
  const lines = stdout.split('\n').map((line) => line.replace(/^FATAL: /, '').trim());
  return lines.filter((line) => said.has(line));
}
