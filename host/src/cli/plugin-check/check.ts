/**
 * `alknet plugin check`: what a plugin owes its node, looked at from its package to its last stream. `docs/spec/cli.md` 9.
 *
 * @module
 */

import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ConformanceOptions, conformanceChecks } from '@alknet/sdk/testing';
import {
  type Bundle,
  bundlePlugin,
  catchFaults,
  importFaults,
  isBuiltIn,
  type LoadedPlugin,
  type Located,
  loadPlugin,
  locatePlugin,
  stackOf,
} from '../../plugins/index.ts';
import { defaultHeartbeat, type ThreadOptions, ThreadSupply } from '../../plugins/worker/index.ts';
import { sdkVersion } from '../../version.ts';
import type { Samples } from './samples.ts';
import { threadDriver } from './thread-driver.ts';

export type Place = 'worker' | 'inline';

/** One thing that was looked at. */
export interface Finding {
  readonly where: 'package' | Place;
  readonly title: string;
  /** What is wrong, and what to do; absent: it is in order. */
  readonly problem?: string;
}

export interface CheckOptions {
  readonly name: string;
  /** Absolute path of the package or the file. */
  readonly use: string;
  /** Where the suite runs, in this order, up to the first in which it fails: what loops in a worker would loop here. */
  readonly places: readonly Place[];
  readonly samples: Samples;
  readonly secrets: ReadonlyMap<string, string>;
}

export interface Checked {
  readonly version?: string | undefined;
  readonly findings: readonly Finding[];
  /** Where it did not run. */
  readonly skipped: readonly Place[];
}

/** Stands for a secret that the plugin requests and nobody has given. */
const placeholder = 'a-secret-for-alknet-plugin-check';
/** Bytes; what a plugin has by default. `docs/spec/config.md` 6.1. */
const memory = 512 * 1024 * 1024;

export async function checkPlugin(options: CheckOptions): Promise<Checked> {
  const check = new PluginCheck(options);
  await check.run();
  return check;
}

class PluginCheck implements Checked {
  readonly findings: Finding[] = [];
  skipped: readonly Place[];
  version?: string;
  readonly #options: CheckOptions;
  readonly #threads = new ThreadSupply();
  readonly #thread: ThreadOptions;
  #bundled: Promise<Bundle> | undefined;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.skipped = options.places;
    this.#thread = { plugin: options.name, memory, heartbeat: defaultHeartbeat };
  }

  async run(): Promise<void> {
    const located = await this.#judge('package', 'its manifest can be read', () => this.#locate());
    if (located === undefined) return;
    await this.#judge('package', 'it imports only what it may', () => checkImports(located));
    try {
      for (const place of this.#options.places) {
        this.skipped = this.skipped.slice(1);
        await this.#suite(place, located);
        if (this.findings.some(({ where, problem }) => where === place && problem !== undefined)) return;
      }
    } finally {
      await this.#threads.close();
    }
  }

  async #suite(place: Place, located: Located): Promise<void> {
    const loaded = await this.#judge(place, 'its code loads, and is what its manifest says', async () => {
      const first = await this.#load(place, located);
      await first.thread?.close();
      return first;
    });
    if (loaded === undefined) return;
    this.version = loaded.version;
    const lost = new Set<string>();
    const open = async () => {
      const { plugin, thread } = await this.#load(place, located);
      if (thread === undefined) throw new Error('the plugin was loaded without a thread');
      void thread.ended.then(({ message }) => lost.add(message));
      return { plugin, thread };
    };
    const suite = this.#suiteOptions(loaded, located);
    const driver = place === 'worker' ? { driver: threadDriver(open, suite) } : {};
    const forget = catchFaults({
      report: ({ error }) => lost.add(stackOf(error) || String(error)),
      pluginOfStack: () => this.#options.name,
    });
    for (const { title, run } of conformanceChecks(loaded.plugin, { ...suite, ...driver })) {
      // Here, and not within a check, which looks at what the plugin leaves behind.
      if (place === 'worker') this.#threads.prepare(this.#thread);
      await this.#judge(place, title, run, loaded);
    }
    forget();
    const title = 'nothing ends its thread, and nothing is thrown where nobody waits';
    await this.#judge(place, title, async () => none(lost), loaded);
  }

  #suiteOptions({ requests }: LoadedPlugin, { facts, root }: Located): ConformanceOptions {
    const { samples, secrets } = this.#options;
    const made = (requests.secrets ?? []).map((name) => [name, placeholder]);
    return {
      ...samples,
      secrets: { ...Object.fromEntries(made), ...Object.fromEntries(secrets) },
      manifest: facts === undefined ? false : join(root, 'package.json'),
    };
  }

  async #load(place: Place, { builtIn }: Located): Promise<LoadedPlugin> {
    const { name, use } = this.#options;
    return await loadPlugin(name, builtIn ? undefined : use, {
      directory: dirname(use),
      sdkVersion,
      trust: { mode: 'any', publishers: {} },
      bundle: (entry) => (this.#bundled ??= bundlePlugin(name, entry)),
      ...(place === 'worker' ? { thread: () => this.#threads.take(this.#thread) } : {}),
    });
  }

  /** A built-in plugin is one only where the host would find it. */
  async #locate(): Promise<Located> {
    const { name, use } = this.#options;
    if (isBuiltIn(name)) {
      const own = await locatePlugin(name, undefined, dirname(use)).catch(() => undefined);
      if (own !== undefined && (await realpath(own.root)) === (await realpath(use))) return own;
    }
    return await locatePlugin(name, use, dirname(use));
  }

  /** What the work gives, or `undefined` when it has found a problem. */
  async #judge<Result>(
    where: Finding['where'],
    title: string,
    work: () => Promise<Result>,
    loaded?: LoadedPlugin,
  ): Promise<Result | undefined> {
    try {
      const result = await work();
      this.findings.push({ where, title });
      return result;
    } catch (error) {
      const text = error instanceof Error ? error.message || error.name : String(error);
      this.findings.push({ where, title, problem: loaded?.trace(text) ?? text });
      return undefined;
    }
  }
}

async function checkImports({ builtIn, entry, facts }: Located): Promise<void> {
  none(await importFaults(builtIn ? fileURLToPath(entry) : entry, facts));
}

function none(problems: Iterable<string>): void {
  const all = [...problems];
  if (all.length > 0) throw new Error(all.join('\n'));
}
