/** OpenSSH's own regress scripts, with the plugin in the place of `sshd`. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { regress, sshdProgram } from './openssh/stand-in.ts';

interface Script {
  readonly name: string;
  /** What the script says that fails, and the specification wants: each time that it says so. */
  readonly wanted?: readonly string[];
}

const times = (count: number, words: string): string[] => Array(count).fill(words);

/** What each proves is said at its head. Those that are not here stand in the README, with the reason. */
const scripts: readonly Script[] = [
  // An agent is never forwarded: `docs/spec/ssh.md` 4. And a certificate is for the user that it names.
  {
    name: 'agent',
    wanted: [
      'ssh-add -l via agent fwd failed (exit code 2)',
      'ssh-add -l via agent path fwd failed (exit code 2)',
      'agent fwd failed (exit code 255)',
      'ssh-add -l via agent path fwd of different agent failed (exit code 2)',
      'ssh-add -l via agent path env fwd of different agent failed (exit code 2)',
      'ssh-add -l with different agent did not fail with exit code 1 (exit code 2)',
      'ssh connect with failed (exit code 255)',
    ],
  },
  { name: 'rekey', wanted: [...times(6, 'no rekeying occurred'), 'rekeylimit size: expected 16 bytes got'] },
  // The names of variables are fixed: `docs/spec/ssh.md` 4, `env`.
  { name: 'envpass', wanted: times(6, 'environment not found') },
  // A stream without an address has no SSH_CONNECTION: `docs/spec/ssh.md` 6.1.
  { name: 'proxy-connect', wanted: ['bad SSH_CONNECTION comp=no:', 'bad SSH_CONNECTION comp=yes:'] },
  // A banner has 8 KiB at most.
  { name: 'banner', wanted: ['banner size 10000 mismatch', 'banner size 100000 mismatch'] },
  // `environment=` on a line of a key is refused: `docs/spec/ssh.md` 3.3.
  { name: 'key-options', wanted: ['key option environment not set'] },
  ...[
    ...['brokenkeys', 'cert-file', 'cipher-speed', 'connect', 'connect-privsep', 'connect-uri'],
    ...['dynamic-forward', 'exit-status', 'exit-status-signal', 'host-expand', 'integrity', 'kextype'],
    ...['keyscan', 'keytype', 'knownhosts', 'knownhosts-command', 'localcommand', 'login-timeout'],
    ...['percent', 'portnum', 'proto-version', 'scp3', 'scp-uri', 'stderr-after-eof', 'stderr-data'],
    ...['transfer', 'try-ciphers', 'yes-head'],
  ].map((name) => ({ name })),
];

/** These listen on ports that stand in them: the first on those of both others. */
const forwarding: Script = { name: 'forwarding' };
const beside: readonly Script[] = [
  { name: 'forward-control' },
  { name: 'multiplex', wanted: times(2, 'environment not found') },
];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

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

async function runScript(t: TestContext, { name, wanted = [] }: Script): Promise<void> {
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
      TEST_SSH_PORT: String(await freePort()),
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

const skip = !existsSync(`${regress}/netcat`) && 'needs OpenSSH: apt-get install openssh-tests';

const title = ({ name }: Script) => `the regress script ${name}.sh passes with the plugin as its server`;

describe('OpenSSH', { concurrency: 4, skip }, () => {
  describe('on fixed ports', { concurrency: 1 }, () => {
    test(`FWD-08 ${title(forwarding)}`, (t) => runScript(t, forwarding));
    describe('of two', { concurrency: 2 }, () => {
      for (const script of beside) test(`FWD-08 ${title(script)}`, (t) => runScript(t, script));
    });
  });
  for (const script of scripts) test(`SSH-01 ${title(script)}`, (t) => runScript(t, script));
});
