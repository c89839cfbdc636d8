/**
 * The git of the machine. `docs/spec/git.md` 1.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Major and minor. */
const oldest = [2, 39] as const;
const places = ['/usr/bin/git', '/usr/local/bin/git', '/opt/homebrew/bin/git'] as const;

const run = promisify(execFile);

export interface GitProgram {
  readonly path: string;
  /** `2.39.5` */
  readonly version: string;
}

/** @throws Error that says where it was looked for, what was found, and what to do */
export async function findGit(wanted: string | undefined): Promise<GitProgram> {
  const candidates = wanted === undefined ? places : [wanted];
  for (const path of candidates) {
    if (!(await isExecutable(path))) continue;
    const version = await versionOf(path);
    if (fits(version)) return { path, version };
    throw new Error(
      `${path} is git ${version}; expected ${oldest.join('.')} or later: install a newer git, or name one with plugins.git.config.program`,
    );
  }
  throw new Error(
    `git was not found (${candidates.join(', ')}): install git ${oldest.join('.')} or later, or name one with plugins.git.config.program`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ['--version'], { timeout: 10_000, env: { LC_ALL: 'C' } });
  return /^git version (\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1] ?? stdout.trim().slice(0, 40);
}

function fits(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}
