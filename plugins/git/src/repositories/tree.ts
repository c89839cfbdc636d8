/**
 * The directories below `git.root`: one `<name>.git` a repository, groups above it, no symbolic link anywhere.
 * `docs/spec/git.md` 3 and 5.
 *
 * @module
 */

import type { Stats } from 'node:fs';
import { lstat, mkdir, readdir, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isName } from '../core/names.ts';

const suffix = '.git';

/** A repository holds these, and each is itself and no link. */
const parts = [
  ['HEAD', 'file'],
  ['config', 'file'],
  ['objects', 'directory'],
  ['refs', 'directory'],
] as const;

/** With any of these, objects or configuration come from elsewhere. */
const foreign = ['commondir', 'gitdir', 'config.worktree', 'objects/info/alternates', 'info/grafts'] as const;

export class RepositoryTree {
  /** Canonical. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Makes the directory when there is none. */
  static async open(root: string): Promise<RepositoryTree> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    return new RepositoryTree(await realpath(root));
  }

  /** Where a repository of that name is, or would be. `name` must be one. */
  pathOf(name: string): string {
    if (!isName(name)) throw new RangeError(`expected the name of a repository, got ${JSON.stringify(name)}`);
    return join(this.root, `${name}${suffix}`);
  }

  /** The directory of an existing repository; `undefined` when there is none, or a link leads there. */
  async find(name: string): Promise<string | undefined> {
    if (!isName(name)) return undefined;
    const segments = name.split('/');
    let path = this.root;
    for (const [i, segment] of segments.entries()) {
      path = join(path, i === segments.length - 1 ? `${segment}${suffix}` : segment);
      // lstat follows no link, and every component is looked at.
      if (!(await isDirectory(path))) return undefined;
    }
    return path;
  }

  /** Every repository, sorted by name. */
  async names(): Promise<string[]> {
    const found: string[] = [];
    await collect(this.root, '', 1, found);
    return found.sort();
  }

  /**
   * What stands in the way of a new repository, compared without regard to case: the name itself, a group of that name, or
   * a repository where the name needs a group.
   */
  async obstacle(name: string): Promise<string | undefined> {
    const segments = name.split('/');
    let path = this.root;
    let above = '';
    for (const [i, segment] of segments.entries()) {
      const entries = await readdir(path).catch(() => []);
      const same = (wanted: string) => entries.find((entry) => entry.toLowerCase() === wanted.toLowerCase());
      const repository = same(`${segment}${suffix}`);
      if (repository !== undefined) return above + repository.slice(0, -suffix.length);
      const group = same(segment);
      if (i === segments.length - 1) return group === undefined ? undefined : `${above}${group}/`;
      if (group === undefined) return undefined;
      if (group !== segment) return `${above}${group}/`;
      path = join(path, segment);
      above += `${segment}/`;
    }
    return undefined;
  }

  async makeGroupOf(name: string): Promise<void> {
    await mkdir(dirname(this.pathOf(name)), { recursive: true, mode: 0o700 });
  }

  /** Groups that have become empty. */
  async dropGroupsOf(name: string): Promise<void> {
    for (let path = dirname(this.pathOf(name)); path.length > this.root.length; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch {
        return;
      }
    }
  }
}

/** What is wrong with the directory of a repository; `undefined` when nothing is. */
export async function foreignPart(directory: string): Promise<string | undefined> {
  for (const [name, wanted] of parts) {
    const entry = await look(join(directory, name));
    if (!(wanted === 'file' ? entry?.isFile() === true : entry?.isDirectory() === true))
      return `${name}: expected a ${wanted} here`;
  }
  for (const name of foreign) {
    if ((await look(join(directory, name))) !== undefined) return `${name}: not taken`;
  }
  return undefined;
}

async function collect(path: string, prefix: string, depth: number, found: string[]): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    if (entry.name.endsWith(suffix)) {
      const name = prefix + entry.name.slice(0, -suffix.length);
      if (isName(name)) found.push(name);
    } else if (depth < 8 && isName(entry.name)) {
      await collect(join(path, entry.name), `${prefix}${entry.name}/`, depth + 1, found);
    }
  }
}

async function look(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}

async function isDirectory(path: string): Promise<boolean> {
  return (await look(path))?.isDirectory() === true;
}
