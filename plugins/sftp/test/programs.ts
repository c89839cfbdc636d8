/** Foreign programs, and the plugin where they can reach it without a node: behind a Unix socket. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { TestContext } from 'node:test';
import type { Identity } from '@alknet/sdk';
import type { Served } from './support.ts';

/** Where Debian's openssh-tests puts the scripts, and programs that they need. */
export const regress = '/usr/lib/openssh/regress';

const packages = {
  sftp: 'openssh-client',
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
}

export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Ran> {
  const { cwd, env = process.env, input = '' } = options;
  const child = spawn(command, args, { ...(cwd !== undefined && { cwd }), env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** A program that speaks SFTP as the identity on its standard input and output, as `sftp-server` does. */
export async function stdioServer(t: TestContext, here: Served, identity: Identity): Promise<string> {
  const socketPath = join(here.folder, 'sftp.sock');
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    const stream = await here.stream(identity);
    // Either may be cut short by the other, which is theirs to do.
    pipeline(socket, stream, () => {});
    pipeline(stream, socket, () => {});
  });
  server.listen(socketPath);
  await once(server, 'listening');
  t.after(() => server.close());
  const program = join(here.folder, 'sftp-server');
  writeFileSync(program, `#!/bin/sh\nexec ${regress}/netcat -N -U ${socketPath}\n`);
  chmodSync(program, 0o755);
  return program;
}
