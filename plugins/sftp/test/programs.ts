/** Foreign programs, and the plugin where they can reach it without a node: behind a Unix socket. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseExport } from '../src/rooted/export-entry.ts';
import { ExportSource } from '../src/rooted/export-source.ts';
import { ExportTree } from '../src/rooted/export-tree.ts';
import { Session } from '../src/session/session.ts';
import { sessionOptions } from './support.ts';

/** Where Debian's openssh-tests puts the scripts, and programs that they need. */
export const regress = '/usr/lib/openssh/regress';

const packages = {
  sftp: 'openssh-client',
  scp: 'openssh-client',
  sshfs: 'sshfs',
  rclone: 'rclone',
  lftp: 'lftp',
  [`${regress}/netcat`]: 'openssh-tests',
} as const;

/** What a test says when it cannot run; `false` when it can. */
export function missing(...programs: readonly (keyof typeof packages)[]): string | false {
  const absent = programs.filter((program) => !isThere(program)).map((program) => packages[program]);
  return absent.length > 0 && `needs ${absent.join(', ')}: apt-get install ${absent.join(' ')}`;
}

const isThere = (program: string) =>
  program.includes('/') ? existsSync(program) : spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export interface Ran {
  readonly code: number | null;
  /** Standard output and error, as they came. */
  readonly output: string;
  /** Of each of the two by itself: together they meet in the middle of a line. */
  readonly lines: readonly string[];
}

export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Ran> {
  const { cwd, env = process.env, input = '' } = options;
  const child = spawn(command, args, { ...(cwd !== undefined && { cwd }), env });
  let output = '';
  const texts = [child.stdout, child.stderr].map((stream) => {
    const text = { all: '' };
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text.all += piece;
      output += piece;
    });
    return text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output, lines: texts.flatMap(({ all }) => all.split('\n')) };
}

/** Holds that two trees, relative to a folder, have the same names and content. */
export async function assertSameTree(folder: string, one: string, other: string): Promise<void> {
  const { code, output } = await run('diff', ['-r', one, other], { cwd: folder });
  assert.equal(output, '');
  assert.equal(code, 0);
}

/** A program that speaks SFTP on its standard input and output, as `sftp-server` does, with these exports. */
export async function stdioServer(
  t: TestContext,
  folder: string,
  exports: readonly string[],
): Promise<string> {
  const socketPath = join(folder, 'sftp.sock');
  const granted = exports.map(parseExport);
  const failed = (error: unknown) => {
    throw error;
  };
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', () => {});
    const source = new ExportSource(
      () => granted,
      (_name, error) => failed(error),
    );
    await source.refresh();
    const tree = new ExportTree(source, { allowOwner: false, followLinks: true });
    await new Session(socket, tree, { ...sessionOptions, onDefect: failed }).run();
  });
  server.listen(socketPath);
  await once(server, 'listening');
  t.after(() => server.close());
  const program = join(folder, 'sftp-server');
  writeFileSync(program, `#!/bin/sh\nexec ${regress}/netcat -N -U ${socketPath}\n`);
  chmodSync(program, 0o755);
  return program;
}
