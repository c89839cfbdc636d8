/** The command as a shell runs it: `alknet` on PATH, pipes, redirections, and a terminal where one is asked for. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { command, type Place, type Ran } from './support.ts';

export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly shell?: string;
  /** Standard input; default: none, at its end. */
  readonly input?: string;
}

export type Sh = (script: string, options?: ShellOptions) => Promise<Ran>;

/** Runs scripts in the folder of the place. */
export async function shellIn(here: Place): Promise<Sh> {
  const bin = join(here.folder, 'bin');
  await mkdir(bin, { recursive: true });
  await symlink(command, join(bin, 'alknet'));
  return async (script, { env = {}, shell = 'bash', input } = {}) => {
    const { PATH = '', TMPDIR } = process.env;
    const child = spawn(shell, ['-c', script], {
      cwd: here.folder,
      env: {
        PATH: `${bin}:${PATH}`,
        TMPDIR,
        HOME: here.folder,
        XDG_CONFIG_HOME: join(here.folder, 'xdg'),
        XDG_DATA_HOME: join(here.folder, 'xdg'),
        ...env,
      },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  };
}
