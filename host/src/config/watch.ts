/**
 * Notices that a file has changed: written in place, replaced by rename, or reached through another link.
 * `docs/spec/config.md` 4.
 *
 * @module
 */

import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { PathWatch } from './path-watch.ts';

/** Milliseconds without a further change. */
const quiet = 100;
/** A link that leads to itself ends here, like in the system (ELOOP). */
const maxLinks = 40;

export interface FileWatch {
  close(): void;
}

/** Calls `changed` after each burst of changes. Resolves when it watches. */
export async function watchFile(file: string, changed: () => void): Promise<FileWatch> {
  const path = resolve(file);
  let closed = false;
  const settled = async () => {
    const names = await namesOnTheWay(path);
    if (closed) return;
    watch.follow(names);
    changed();
  };
  const watch = new PathWatch({
    quiet,
    changed: () => void settled(),
    // A directory that cannot be watched leaves SIGHUP and the operations of the host.
    failed: () => {},
  });
  watch.follow(await namesOnTheWay(path));
  return {
    close() {
      closed = true;
      watch.close();
    },
  };
}

/** Every name whose change may lead to another file: the links on the way, and the file at the end. */
export async function namesOnTheWay(file: string): Promise<Set<string>> {
  const names = new Set<string>();
  let at = file;
  for (let links = 0; links < maxLinks; links++) {
    const link = await firstLink(at);
    if (link === undefined) break;
    names.add(link.path);
    at = resolve(dirname(link.path), link.target, link.rest);
  }
  names.add(at);
  return names;
}

async function firstLink(path: string): Promise<{ path: string; target: string; rest: string } | undefined> {
  const { root } = parse(path);
  const parts = path.slice(root.length).split(sep);
  let at = root;
  for (const [index, part] of parts.entries()) {
    at = join(at, part);
    const stats = await lstat(at).catch(() => undefined);
    if (stats === undefined) return undefined;
    if (stats.isSymbolicLink()) {
      return { path: at, target: await readlink(at), rest: parts.slice(index + 1).join(sep) };
    }
  }
  return undefined;
}
