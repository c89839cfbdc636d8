/**
 * Notices that one of a set of files was saved: in place, by rename, or deleted and made again. It watches the
 * directories and not the files, so that a file may come, go and be replaced. `docs/spec/config.md` 4 and 6.3.
 *
 * Not chokidar. It asks for the state of all that lies in a watched directory: where that is a mount that waits for this
 * very node, as a sshfs of it may be, the threads that would answer are soon all waiting themselves. And it tells a
 * change of a file once in 50 ms and drops what follows: within a quiet time as short as that of `alknet dev` the last
 * write of a save would be lost.
 *
 * @module
 */

import { existsSync, type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface PathWatchOptions {
  /** Milliseconds without a further change before `changed` is called. */
  readonly quiet: number;
  /** With the files that changed, and when the first of them did, on the clock of `performance.now()`. */
  readonly changed: (files: ReadonlySet<string>, since: number) => void;
  /** A directory cannot be watched: too many watches, or no right to read it. */
  readonly failed: (directory: string, error: Error) => void;
}

export class PathWatch {
  readonly #options: PathWatchOptions;
  #watchers = new Map<string, FSWatcher>();
  #files: ReadonlySet<string> = new Set();
  #stems: readonly string[] = [];
  #changed = new Set<string>();
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  /**
   * Watches these in place of those before.
   *
   * @param files absolute paths; they need not exist
   * @param stems absolute paths without an ending, of files that were looked for in vain: any that begins so counts
   * @param since when they were looked for, in milliseconds of `Date.now()`
   */
  follow(files: Iterable<string>, stems: Iterable<string> = [], since = Date.now()): void {
    if (this.#closed) return;
    const missing = [...stems];
    const paths = [...files, ...missing];
    const places = paths.map(place);
    this.#files = new Set(places.slice(0, paths.length - missing.length));
    this.#stems = places.slice(paths.length - missing.length);
    const before = this.#watchers;
    this.#watchers = new Map();
    // All anew: a directory of the same name may be another one by now. The old go last, so that no change is missed.
    for (const directory of new Set(places.map((path) => dirname(path)))) this.#watch(directory);
    for (const watcher of before.values()) watcher.close();
    // What was written after it was looked for and before its directory was watched.
    const made = places.filter((before, index) => place(paths[index] ?? before) !== before);
    for (const path of [...made, ...written(missing, since)]) this.#note(path);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(directory: string): void {
    try {
      const identity = identityOf(directory);
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        // Its own name, perhaps: the directory itself was moved or removed.
        if (name === basename(directory) && identityOf(directory) !== identity) this.#note(directory);
        else this.#notice(directory, name);
      });
      // Told when a directory is removed, on some systems.
      watcher.on('error', () => this.#note(directory));
      this.#watchers.set(directory, watcher);
    } catch (error) {
      this.#options.failed(directory, error instanceof Error ? error : new Error(String(error)));
    }
  }

  #notice(directory: string, name: string | null): void {
    const path = join(directory, name ?? '');
    if (name === null || this.#files.has(path) || this.#stems.some((stem) => path.startsWith(stem)))
      this.#note(path);
  }

  #note(path: string): void {
    if (this.#closed) return;
    if (this.#changed.size === 0) this.#since = performance.now();
    this.#changed.add(path);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settled(), this.#options.quiet);
    this.#timer.unref();
  }

  #settled(): void {
    const files = this.#changed;
    this.#changed = new Set();
    this.#options.changed(files, this.#since);
  }
}

/** The path, or where a directory on the way to it is missing, that directory: it must come first. */
function place(path: string): string {
  let at = path;
  for (let parent = dirname(at); !existsSync(parent) && parent !== at; parent = dirname(at)) at = parent;
  return at;
}

/** Files that begin with one of the stems and came, or were changed, since then. */
function written(stems: readonly string[], since: number): string[] {
  return stems.flatMap((stem) => {
    const directory = dirname(stem);
    try {
      return (
        readdirSync(directory)
          .map((name) => join(directory, name))
          // The clock of a file system ticks every few milliseconds.
          .filter((path) => path.startsWith(stem) && statSync(path).ctimeMs > since - 20)
      );
    } catch {
      return [];
    }
  });
}

/** Another one for a directory that was made anew under the same name. */
function identityOf(directory: string): string {
  const stats = statSync(directory, { throwIfNoEntry: false });
  return `${stats?.ino}:${stats?.birthtimeMs}`;
}
