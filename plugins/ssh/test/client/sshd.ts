/** OpenSSH's own server on a pair of pipes: what the built-in client is judged by. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';

const program = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/opt/homebrew/sbin/sshd'].find((path) =>
  existsSync(path),
);

/** Why the tests with it cannot run here, if so. */
export const noSshd = program === undefined && 'needs OpenSSH: apt-get install openssh-server';

export interface Sshd {
  /** A new connection to it. */
  dial(): Duplex;
  /** Ends the newest connection as a broken network does. */
  cut(): void;
  readonly hostKey: Buffer;
  readonly privateKey: string;
  readonly otherKey: string;
  readonly user: string;
  /** A folder that the test owns. */
  readonly directory: string;
}

export function startSshd(t: TestContext, options: readonly string[] = []): Sshd {
  const directory = mkdtempSync(join(tmpdir(), 'alknet-sshd-'));
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  // The directory that a privileged sshd confines its children to; the package makes it when the machine boots.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  chmodSync(directory, 0o700);
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
    return readFileSync(join(directory, name), 'utf8');
  };
  key('host');
  const privateKey = key('user');
  const otherKey = key('other');
  const config = join(directory, 'sshd_config');
  writeFileSync(
    config,
    [
      `HostKey ${directory}/host`,
      `AuthorizedKeysFile ${directory}/user.pub`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      ...options,
      '',
    ].join('\n'),
  );
  const [, blob = ''] = readFileSync(join(directory, 'host.pub'), 'utf8').split(' ');
  return {
    directory,
    hostKey: Buffer.from(blob, 'base64'),
    privateKey,
    otherKey,
    user: userInfo().username,
    dial: () => {
      const child = spawn(program ?? 'sshd', ['-i', '-e', '-f', config], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      children.push(child);
      for (const pipe of [child.stdin, child.stdout]) pipe.on('error', () => {});
      return Duplex.from({ readable: child.stdout, writable: child.stdin });
    },
    cut: () => void children.at(-1)?.kill('SIGKILL'),
  };
}
