/**
 * The source of one plugin while the node runs: bundled anew from what has changed, and watched, so that a save is a
 * reload. Built-in plugins have none. `docs/spec/config.md` 6.3.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { PathWatch } from '../config/path-watch.ts';
import { namesOnTheWay } from '../config/watch.ts';
import { type Bundle, Bundler } from './bundle.ts';
import { reasonOf } from './plugin-error.ts';
import type { PluginServices } from './services.ts';

/** A save that was noticed. */
export interface Save {
  readonly files: readonly string[];
  /** On the clock of `performance.now()`. */
  readonly since: number;
}

export class PluginSources {
  readonly #plugin: string;
  readonly #services: PluginServices;
  readonly #saved: (save: Save) => void;
  #bundler: Bundler | undefined;
  #watch: PathWatch | undefined;
  /** What was loaded last does not run: the author may save the same bytes to have them tried again. */
  failed = false;
  #known: ReadonlySet<string> = new Set();
  /** When the last build began. */
  #begun = 0;

  constructor(plugin: string, services: PluginServices, saved: (save: Save) => void) {
    this.#plugin = plugin;
    this.#services = services;
    this.#saved = saved;
  }

  /** For `loadPlugin`. @throws PluginError */
  readonly bundle = async (entry: string): Promise<Bundle> => {
    this.#begun = Date.now();
    if (this.#bundler?.entry !== entry) {
      await this.#bundler?.dispose();
      this.#bundler = new Bundler(this.#plugin, entry);
    }
    return await this.#bundler.build();
  };

  /** Watches what the load that just ended was made of, or failed on. `use` as in the entry. */
  async follow(use: string): Promise<void> {
    const manifests = await this.#manifests(use);
    this.#watch ??= new PathWatch({
      quiet: this.#services.sourceQuiet,
      changed: (files, since) => void this.#changed(files, since),
      failed: (directory, error) =>
        this.#services.log.warn('plugin source is not watched', {
          plugin: this.#plugin,
          directory,
          error: reasonOf(error),
        }),
    });
    const files = new Set([...manifests, ...(this.#bundler?.inputs.keys() ?? [])].filter(ours));
    this.#watch.follow(files, this.#bundler?.missing, this.#begun);
    const fresh = [...files].filter((file) => !this.#known.has(file));
    this.#known = files;
    // A file that was saved after it was read and before it was watched.
    void this.#changed(
      new Set(fresh.filter((file) => this.#bundler?.inputs.has(file))),
      performance.now(),
      true,
    );
  }

  async close(): Promise<void> {
    const bundler = this.#bundler;
    this.#watch?.close();
    this.#watch = undefined;
    this.#bundler = undefined;
    this.#known = new Set();
    await bundler?.dispose();
  }

  /** The manifest decides too, and is where the author looks when `use` leads to nothing yet. */
  async #manifests(use: string): Promise<string[]> {
    const found: string[] = [];
    if (/^[./]/.test(use)) {
      const root = resolve(this.#services.directory, use);
      // A link that is pointed elsewhere leads to other code.
      found.push(...(await namesOnTheWay(root)), join(root, 'package.json'), ...namedModule(root));
    }
    const entry = this.#bundler?.entry;
    if (entry !== undefined) {
      const manifest = nearestManifest(dirname(entry));
      if (manifest !== undefined) found.push(manifest);
    }
    return found;
  }

  async #changed(files: ReadonlySet<string>, since: number, onlyOther = false): Promise<void> {
    if (files.size === 0) return;
    const bundler = this.#bundler;
    if ((!this.failed || onlyOther) && (await sameBytes(files, bundler))) return;
    if (this.#watch === undefined || this.#bundler !== bundler) return;
    this.#saved({ files: [...files], since });
  }
}

/** Nobody edits what a package manager installed. */
const ours = (file: string) => !file.includes(`${sep}node_modules${sep}`);

/** The module that a manifest names: where it is not built yet, nothing else leads to it. */
function namedModule(root: string): string[] {
  try {
    const { alknet } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return typeof alknet?.plugin === 'string' ? [join(root, alknet.plugin)] : [];
  } catch {
    return [];
  }
}

function nearestManifest(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const path = join(at, 'package.json');
    if (existsSync(path)) return path;
    if (dirname(at) === at) return undefined;
  }
}

async function sameBytes(files: ReadonlySet<string>, bundler: Bundler | undefined): Promise<boolean> {
  const inputs = bundler?.inputs;
  const same = await Promise.all(
    [...files].map(async (file) => {
      const built = inputs?.get(file);
      if (built === undefined) return false;
      const now = await readFile(file).catch(() => undefined);
      return now !== undefined && createHash('sha256').update(now).digest().equals(built.sha256);
    }),
  );
  return !same.includes(false);
}
