/**
 * Notices that a file has changed: written in place, replaced by rename, or reached through another link.
 * `docs/spec/config.md` 4.
 *
 * @module
 */

import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { watch } from 'chokidar';

/** Milliseconds without a further change. */
const quiet = 100;
/** A link that leads to itself ends here, like in the system (ELOOP). */
const maxLinks = 40;

export interface FileWatch {
  close(): Promise<void>;
}

/** Calls `changed` after each burst of changes. Resolves when it watches. */
export async function watchFile(file: string, changed: () => void): Promise<FileWatch> {
  let names = await namesOnTheWay(resolve(file));
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const watcher = watch([...directories(names)], {
    depth: 0,
    ignoreInitial: true,
    // chokidar 5 may watch anew when a file vanishes while it is being closed; that must hold no process.
    persistent: false,
    // Links are names of their own here: one that is pointed elsewhere is a change.
    followSymlinks: false,
    ignored: (path, stats) => stats !== undefined && !stats.isDirectory() && !names.has(path),
  });

  const settled = async () => {
    names = await namesOnTheWay(resolve(file));
    if (closed) return;
    watcher.add([...directories(names)]);
    changed();
  };
  watcher.on('all', (_event, path) => {
    if (!names.has(path)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void settled(), quiet);
  });
  // A directory that cannot be watched leaves SIGHUP and the operations of the host.
  watcher.on('error', () => {});
  await new Promise<void>((ready) => watcher.once('ready', ready));

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

function directories(names: ReadonlySet<string>): Set<string> {
  return new Set([...names].map((name) => dirname(name)));
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
