/**
 * The user of the system that programs run as. Never uid 0 unless `allowRoot` says so. `docs/spec/ssh.md` 6.1.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { SshConfig } from '../config.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  /** Whether it is another than that of this process. */
  readonly other: boolean;
}

/** @throws Error that names the key and what to do */
export function accountOf({ runAs, allowRoot }: Pick<SshConfig, 'runAs' | 'allowRoot'>): Account {
  const own = process.getuid?.() ?? -1;
  const account = runAs === undefined ? ownAccount() : otherAccount(runAs, own);
  if (account.other && own !== 0)
    throw new Error(`runAs: only a privileged daemon can run programs as another user (uid ${account.uid})`);
  if (account.uid === 0 && !allowRoot)
    throw new Error(
      'programs would run as root: set plugins.ssh.config.runAs to a user, or allowRoot to true',
    );
  return account;
}

function ownAccount(): Account {
  const { username, uid, gid, homedir, shell } = userInfo();
  return { name: username, uid, gid, home: homedir, shell: shell ?? '/bin/sh', other: false };
}

function otherAccount(runAs: NonNullable<SshConfig['runAs']>, own: number): Account {
  const wanted = typeof runAs === 'string' ? runAs : String(runAs.uid);
  const line = passwdLine(wanted);
  if (line === undefined && typeof runAs === 'string')
    throw new Error(`runAs: there is no user ${JSON.stringify(runAs)} on this system`);
  const [name = wanted, , uid, gid, , home = '/', shell = '/bin/sh'] = line ?? [];
  const ids = typeof runAs === 'string' ? { uid: Number(uid), gid: Number(gid) } : runAs;
  return { name, ...ids, home: home || '/', shell: shell || '/bin/sh', other: ids.uid !== own };
}

/** The fields of a user by name or number: from the file, or from wherever the system has its users. */
function passwdLine(wanted: string): string[] | undefined {
  const fits = (line: string) => {
    const fields = line.split(':');
    return fields.length >= 7 && (fields[0] === wanted || fields[2] === wanted) ? fields : undefined;
  };
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const fields = fits(line);
    if (fields !== undefined) return fields;
  }
  try {
    const found = execFileSync('getent', ['passwd', wanted], {
      encoding: 'utf8',
      timeout: 5000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return fits(found.trim());
  } catch {
    return undefined;
  }
}
