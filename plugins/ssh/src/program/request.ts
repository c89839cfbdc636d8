/**
 * What a session asks for, and what it gets by its rights: a program, a hand-over to another plugin, or nothing.
 * `docs/spec/ssh.md` 4, 5 and 6. Pure but for the look for a program on its path.
 *
 * @module
 */

import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SshConfig } from '../config.ts';
import type { Denied } from '../log-lines.ts';
import { hasScope, type Login } from '../login/login.ts';
import { type GitRequest, gitRequest, globMatches, splitWords } from './command-words.ts';

export type Wanted =
  | { readonly kind: 'shell' }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'subsystem'; readonly name: string };

export type Plan =
  | { readonly run: 'program'; readonly argv: readonly string[]; readonly original?: string }
  | { readonly run: 'sftp' }
  | { readonly run: 'git'; readonly service: string; readonly path: string }
  | { readonly run: 'nothing'; readonly denied: Denied };

const denied = (what: Denied): Plan => ({ run: 'nothing', denied: what });

export function planOf(wanted: Wanted, login: Login, config: SshConfig): Plan {
  const { command } = login.restrictions;
  if (command !== undefined) return forced(command, wanted, config);
  if (wanted.kind === 'subsystem')
    return wanted.name === 'sftp' && hasScope(login, 'ssh:sftp') ? { run: 'sftp' } : denied('sftp');
  return wanted.kind === 'shell' ? shell(login, config) : exec(wanted.command, login, config);
}

/** Needs no scope: who forces a command allows it. */
function forced(command: string, wanted: Wanted, config: SshConfig): Plan {
  if (command === 'internal-sftp') return { run: 'sftp' };
  const git = gitRequest(splitWords(command) ?? []);
  if (git?.path !== undefined) return { run: 'git', service: git.service, path: git.path };
  const original =
    wanted.kind === 'exec' ? wanted.command : wanted.kind === 'subsystem' ? wanted.name : undefined;
  return {
    run: 'program',
    argv: [...config.exec.shell, command],
    ...(original === undefined ? {} : { original }),
  };
}

function shell(login: Login, { shell: { command, peers } }: SshConfig): Plan {
  if (!hasScope(login, 'ssh:shell')) return denied('shell');
  const argv = (Object.hasOwn(peers, login.peer) ? peers[login.peer] : undefined) ?? command;
  if (argv.some((word) => word.includes('{peer}')) && !/^[A-Za-z0-9._-]{1,64}$/.test(login.peer))
    return denied('shell');
  return { run: 'program', argv: argv.map((word) => word.replaceAll('{peer}', login.peer)) };
}

function exec(command: string, login: Login, config: SshConfig): Plan {
  const words = splitWords(command);
  const git: GitRequest | undefined = gitRequest(words ?? []);
  if (git !== undefined)
    return git.path === undefined ? denied('git') : { run: 'git', service: git.service, path: git.path };
  if (hasScope(login, 'ssh:exec'))
    return command.includes('\0')
      ? denied('exec')
      : { run: 'program', argv: [...config.exec.shell, command] };
  const [first, ...rest] = words ?? [];
  if (first === undefined || !globsOf(login).some((glob) => globMatches(glob, first))) return denied('exec');
  const file = first.includes('/') ? first : onPath(first, config.exec.path);
  return file === undefined ? denied('exec') : { run: 'program', argv: [file, ...rest] };
}

const globPrefix = 'ssh:exec:';

function globsOf(login: Login): string[] {
  const scopes = login.identity()?.scopes ?? [];
  return scopes
    .filter((scope) => scope.startsWith(globPrefix))
    .map((scope) => scope.slice(globPrefix.length));
}

/** Whether a pty may be had for what could be run. */
export function mayHavePty(login: Login): boolean {
  if (!login.restrictions.pty) return false;
  return (
    login.restrictions.command !== undefined ||
    hasScope(login, 'ssh:shell') ||
    hasScope(login, 'ssh:exec') ||
    globsOf(login).length > 0
  );
}

function onPath(name: string, path: readonly string[]): string | undefined {
  return path
    .map((directory) => join(directory, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
      } catch {
        return false;
      }
    });
}
