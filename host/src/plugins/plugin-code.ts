/**
 * The code of one plugin, as often as it is wanted: from its source, which is followed from the first load on, and in the
 * thread that its entry says. `docs/spec/config.md` 6.3 and 6.4.
 *
 * @module
 */

import type { PluginEntry } from '../config/effective.ts';
import { type LoadedPlugin, type LoadPluginOptions, loadPlugin } from './load.ts';
import type { PluginServices } from './services.ts';
import { PluginSources, type Save } from './sources.ts';
import { ThreadSupply } from './worker/index.ts';

/** Where the plugin of an entry runs. `docs/spec/config.md` 6.1. */
export function isolationOf({ isolation, use }: PluginEntry): 'inline' | 'worker' {
  return isolation ?? (use === undefined ? 'inline' : 'worker');
}

export class PluginCode {
  readonly #services: PluginServices;
  readonly #heartbeat: number;
  readonly #sources: PluginSources;
  readonly #threads = new ThreadSupply();
  #closed = false;

  /** `heartbeat` as in `ThreadOptions`; `saved` is called for each save of what was loaded last, or failed to be. */
  constructor(plugin: string, services: PluginServices, heartbeat: number, saved: (save: Save) => void) {
    this.#services = services;
    this.#heartbeat = heartbeat;
    this.#sources = new PluginSources(plugin, services, saved);
  }

  /** What was loaded last does not run: the author may save the same bytes to have them tried again. */
  hasFailed(): void {
    this.#sources.failed = true;
  }

  /** @throws PluginError */
  async load(entry: PluginEntry): Promise<LoadedPlugin> {
    const { name, use } = entry;
    const { directory, sdkVersion, trust } = this.#services;
    const options = { directory, sdkVersion, trust, ...this.#thread(entry) };
    try {
      if (use === undefined) return await loadPlugin(name, use, options);
      this.#sources.failed = false;
      return await loadPlugin(name, use, { ...options, bundle: this.#sources.bundle });
    } finally {
      if (!this.#services.spareThreads) void this.#threads.discard();
      // From here on: also while it starts, and when it cannot be loaded.
      if (use !== undefined && !this.#closed) await this.#sources.follow(use);
      if (this.#closed) await this.#sources.close();
    }
  }

  /** For the load that the next save of its source asks for. */
  makeReady(entry: PluginEntry): void {
    if (this.#services.spareThreads && entry.use !== undefined) this.#thread(entry);
  }

  /** Follows nothing until the next load. */
  async rest(): Promise<void> {
    await Promise.all([this.#sources.close(), this.#threads.discard()]);
  }

  /** Rests for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#sources.close(), this.#threads.close()]);
  }

  /** Begun now, while the code is bundled. */
  #thread(entry: PluginEntry): Pick<LoadPluginOptions, 'thread'> {
    if (isolationOf(entry) === 'inline') {
      void this.#threads.discard();
      return {};
    }
    const options = { plugin: entry.name, memory: entry.limits.memory, heartbeat: this.#heartbeat };
    this.#threads.prepare(options);
    return { thread: () => this.#threads.take(options) };
  }
}
