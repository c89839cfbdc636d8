/**
 * Whether others than its owner can change what a path leads to: by its own mode, or by that of a directory above it.
 * `docs/spec/config.md` 8.
 *
 * @module
 */

import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WritablePath {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
}

const othersWrite = 0o022;
/** In such a directory only the owner of a file can replace it. */
const sticky = 0o1000;

/** Those of the paths, and of the directories on the way to them, that group or others can write. */
export async function writableByOthers(paths: Iterable<string>): Promise<WritablePath[]> {
  const seen = new Map<string, WritablePath | undefined>();
  for (const path of paths) {
    const real = await realpath(path).catch(() => path);
    // The name that was written, and where it leads: a link can be pointed elsewhere.
    for (const name of new Set([path, real])) await look(name, seen);
  }
  return [...seen.values()].filter((found) => found !== undefined);
}

async function look(path: string, seen: Map<string, WritablePath | undefined>): Promise<void> {
  for (let at = path; !seen.has(at); at = dirname(at)) {
    seen.set(at, undefined);
    const stats = await stat(at).catch(() => undefined);
    if (stats === undefined) continue;
    const guarded = stats.isDirectory() && (stats.mode & sticky) !== 0;
    if ((stats.mode & othersWrite) !== 0 && !guarded) seen.set(at, { path: at, mode: stats.mode & 0o7777 });
  }
}

/** For people; `undefined` when there is none. */
export function writableText(found: readonly WritablePath[]): string | undefined {
  const [first] = found;
  if (first === undefined) return undefined;
  const more = found.length === 1 ? '' : ` and ${found.length - 1} more`;
  return `others can write ${first.path} (mode ${first.mode.toString(8)})${more}; try: chmod go-w ${first.path}`;
}
