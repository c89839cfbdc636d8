/**
 * Puts `git-remote-alknet` where git finds it: a symbolic link to the program beside the running `alknet`.
 * `docs/spec/git.md` 10, `docs/spec/cli.md` 10.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, lstat, mkdir, readlink, realpath, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findGit } from '../git/program.ts';

const run = promisify(execFile);
const program = 'git-remote-alknet';
const allowKey = 'protocol.alknet.allow';

export interface Setup {
  /** `2.39.5`; absent: none that fits. */
  readonly git: string | undefined;
  /** The first of that name on PATH, or what was installed off it. */
  readonly helper: string | undefined;
  readonly onPath: boolean;
  /** Whether it is that of this installation. */
  readonly current: boolean;
  readonly submodules: boolean;
  readonly ready: boolean;
  readonly advice: readonly string[];
}

/** The helper of the running installation, or checkout. */
async function ownHelper(): Promise<string> {
  const alknet = await realpath(process.argv[1] ?? '');
  return join(dirname(alknet), `${program}.js`);
}

const linkPlace = () => join(homedir(), '.local', 'bin', program);

export async function look(): Promise<Setup> {
  const own = await ownHelper();
  const version = await findGit(await gitOnPath()).then(
    (found) => found.version,
    () => undefined,
  );
  const onPath = await find(program);
  const helper = onPath ?? ((await isThere(linkPlace())) ? linkPlace() : undefined);
  const current = helper !== undefined && (await realpath(helper).catch(() => '')) === (await realpath(own));
  const directory = dirname(linkPlace());
  return {
    git: version,
    helper,
    onPath: onPath !== undefined,
    current,
    submodules: (await configured()) === 'always',
    ready: version !== undefined && onPath !== undefined && current,
    advice: [
      ...(version === undefined ? ['install git 2.39 or later'] : []),
      ...(helper === undefined ? ['alknet git setup'] : []),
      ...(helper !== undefined && !current ? [`remove ${helper}, then: alknet git setup`] : []),
      ...(helper !== undefined && onPath === undefined
        ? [`add ${directory} to PATH: export PATH="${directory}:$PATH"`]
        : []),
    ],
  };
}

/** Does nothing where it is done already. */
export async function setUp({ submodules }: { readonly submodules: boolean }): Promise<Setup> {
  const before = await look();
  if (!(before.onPath && before.current)) await link();
  if (submodules && before.git !== undefined) await run('git', ['config', '--global', allowKey, 'always']);
  return look();
}

/** A link of an earlier installation gives way; a file that is no link is not ours. */
async function link(): Promise<void> {
  const place = linkPlace();
  await mkdir(dirname(place), { recursive: true });
  if (await isLink(place)) await rm(place);
  await symlink(await ownHelper(), place);
}

/** What was removed. */
export async function remove(): Promise<string[]> {
  const removed: string[] = [];
  const place = linkPlace();
  if ((await isLink(place)) && (await readlink(place)).endsWith(`${program}.js`)) {
    await rm(place);
    removed.push(place);
  }
  if ((await configured()) === 'always') {
    await run('git', ['config', '--global', '--unset', allowKey]);
    removed.push(allowKey);
  }
  return removed;
}

async function configured(): Promise<string> {
  return run('git', ['config', '--global', '--get', allowKey]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}

async function gitOnPath(): Promise<string | undefined> {
  return find('git');
}

/** What npm and npx put on PATH for the programs that they run is on no PATH of the user's. */
const ofNpm = join('node_modules', '.bin');

async function find(name: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    if (directory.endsWith(ofNpm)) continue;
    const path = join(directory, name);
    if (directory !== '' && (await isExecutable(path))) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
}
