/**
 * All plugins of a node: follows the configuration, keeps one's failure from the others. `docs/spec/config.md` 5 and 6.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import type { Config, PluginEntry } from '../config/effective.ts';
import type { Path } from '../config/problems.ts';
import { NotInThisBuildError } from './built-in.ts';
import { sourceLabel } from './bundle.ts';
import { ContributionTable } from './contributions.ts';
import { type GrantEntry, missingGrants } from './grants.ts';
import type { PluginInstance } from './instance.ts';
import { lockPath, readLock } from './lock-file.ts';
import { isolationOf } from './plugin-code.ts';
import { PluginError, reasonOf } from './plugin-error.ts';
import { locatePlugin } from './resolve.ts';
import type { PluginServices } from './services.ts';
import { PluginSlot, type PluginState } from './slot.ts';
import { TrustError } from './trust.ts';

export interface PluginRow {
  readonly name: string;
  readonly state: PluginState;
  readonly isolation: 'inline' | 'worker';
  readonly alpns: readonly string[];
  readonly instance: PluginInstance | undefined;
  readonly loadedAt: Date | undefined;
  /** Requests that are not granted, each as the member and entry to add. */
  readonly missing: readonly GrantEntry[];
  /** Of code in the thread of the node, which keeps what it loads. */
  readonly reloads: number;
  readonly error: PluginError | undefined;
}

export class PluginSupervisor {
  readonly contributions = new ContributionTable();
  private readonly services: PluginServices;
  private readonly slots = new Map<string, PluginSlot>();
  private entries: Config['plugins'] = {};

  constructor(services: PluginServices) {
    this.services = services;
  }

  /**
   * What refuses a configuration as a whole before any of it is used: entries whose code is nowhere, ALPNs that two
   * manifests claim, and `config` that a running plugin does not take. Runs no plugin code.
   */
  async check(next: Config): Promise<readonly { path: Path; message: string }[]> {
    const findings: { path: Path; message: string }[] = [];
    const owners = new Map<string, string>();
    for (const [name, entry] of Object.entries(next.plugins)) {
      if (!entry.enabled) continue;
      try {
        const { facts } = await locatePlugin(name, entry.use, this.services.directory);
        for (const alpn of facts?.manifest.alpns ?? this.instance(name)?.alpns ?? []) {
          const owner = owners.get(alpn);
          if (owner === undefined) owners.set(alpn, name);
          else
            findings.push({
              path: ['plugins', name],
              message: `claims ALPN ${alpn}, which plugin ${owner} owns; disable one of the two`,
            });
        }
      } catch (error) {
        // What this build lacks concerns that plugin alone, and is shown as its failure.
        if (!(error instanceof NotInThisBuildError)) {
          const at = entry.use === undefined ? ['plugins', name] : ['plugins', name, 'use'];
          findings.push({ path: at, message: reasonOf(error) });
        }
      }
      findings.push(...this.configFindings(name, entry));
    }
    return findings;
  }

  private configFindings(name: string, entry: PluginEntry): { path: Path; message: string }[] {
    const instance = this.instance(name);
    // Another code may have another schema.
    if (instance === undefined || instance.settings.use !== entry.use) return [];
    return instance
      .configIssues(entry)
      .map(({ path, message }) => ({ path: ['plugins', name, 'config', ...path], message }));
  }

  /** Brings every plugin to what the configuration wants. Settles when each runs or has failed; never rejects. */
  async apply({ plugins }: Pick<Config, 'plugins'>): Promise<void> {
    const before = this.entries;
    this.entries = plugins;
    const names = new Set([...this.slots.keys(), ...Object.keys(plugins)]);
    await Promise.all(
      [...names].map(async (name) => {
        const entry = plugins[name];
        const slot = this.slot(name);
        // An entry that says the same leaves alone what an operator switched without writing it down.
        if (Object.hasOwn(before, name) && isDeepStrictEqual(before[name], entry)) return;
        await slot.want(entry);
        if (this.entries[name] === undefined && slot.instance === undefined) this.slots.delete(name);
      }),
    );
  }

  /** Loads the code anew. @throws PluginError when it fails; the old instance, if any, goes on */
  async reload(name: string): Promise<PluginInstance> {
    const slot = this.known(name);
    await slot.want(slot.entry, true);
    // A save meanwhile has the last word.
    await slot.idle();
    if (slot.error !== undefined) throw slot.error;
    if (slot.instance === undefined) throw new PluginError(`plugin ${name} is disabled; enable it first`);
    return slot.instance;
  }

  /** `trust` is another one: what it kept from running is tried again. Settles when each runs or has failed; never rejects. */
  async followTrust(): Promise<void> {
    const refused = this.foreign().filter(({ error }) => error instanceof TrustError);
    await Promise.all(refused.map((slot) => slot.want(slot.entry, true)));
  }

  /** `alknet.lock.json` is another one: the same, and a running plugin that it now wants otherwise is loaded anew. */
  async followLock(): Promise<void> {
    const { trust, directory } = this.services;
    const again = this.followTrust();
    // A file that cannot be read is told by each load that needs it.
    const locked = await readLock(lockPath(directory)).catch(() => undefined);
    await again;
    const other = this.foreign().filter(({ name, instance, error }) => {
      const wanted = locked?.[name];
      if (trust.mode === 'any' || wanted === undefined || instance === undefined) return false;
      if (error instanceof TrustError) return false;
      const { integrity, modules } = instance.loaded;
      return wanted.integrity !== integrity || wanted.modules !== modules;
    });
    await Promise.all(other.map((slot) => slot.want(slot.entry, true)));
  }

  private foreign(): PluginSlot[] {
    return [...this.slots.values()].filter(({ entry }) => entry?.use !== undefined && entry.enabled);
  }

  /** Until the next change of its entry. @throws PluginError when it does not start */
  async setEnabled(name: string, enabled: boolean): Promise<PluginState> {
    const slot = this.known(name);
    const { entry } = slot;
    if (entry !== undefined) await slot.want({ ...entry, enabled }, enabled && slot.instance === undefined);
    if (enabled && slot.instance === undefined && slot.error !== undefined) throw slot.error;
    return slot.state;
  }

  /** Whether the plugin is wanted, when all that was wanted of it so far is done. @throws PluginError when it failed */
  async settled(name: string): Promise<{ readonly enabled: boolean; readonly state: PluginState }> {
    const slot = this.known(name);
    await slot.idle();
    const enabled = slot.entry?.enabled === true;
    if (enabled && slot.instance === undefined && slot.error !== undefined) throw slot.error;
    return { enabled, state: slot.state };
  }

  /** Settles when nothing is under way with any plugin. */
  async idle(): Promise<void> {
    await Promise.all([...this.slots.values()].map((slot) => slot.idle()));
  }

  instance(name: string): PluginInstance | undefined {
    return this.slots.get(name)?.instance;
  }

  rows(): PluginRow[] {
    return [...this.slots.values()].map(({ name, state, instance, error, entry, reloads }) => ({
      name,
      state,
      isolation: entry === undefined ? 'inline' : isolationOf(entry),
      alpns: instance?.alpns ?? [],
      instance,
      loadedAt: instance?.loaded.loadedAt,
      missing: instance === undefined ? [] : missingGrants(instance.requests, instance.granted),
      reloads,
      error,
    }));
  }

  /** The plugin that a stack leads to. */
  pluginOfStack(stack: string): string | undefined {
    for (const { name, instance } of this.slots.values()) {
      if (stack.includes(sourceLabel(name))) return name;
      if (instance?.builtIn === true && stack.includes(`${instance.loaded.root}/`)) return name;
    }
    return undefined;
  }

  /** A stack with places in the source of plugins, for the log. */
  trace(stack: string): string {
    let traced = stack;
    for (const { instance } of this.slots.values()) traced = instance?.loaded.trace(traced) ?? traced;
    return traced;
  }

  /** Asks every plugin to let go of idle work. */
  async drain(): Promise<void> {
    await Promise.all([...this.slots.values()].map(({ instance }) => instance?.drain()));
  }

  /** Ends all, together in half a second; names of those that did not end in time. */
  async stop(): Promise<string[]> {
    const ended = await Promise.all(
      [...this.slots.values()].map(async (slot) => ({ name: slot.name, inTime: await slot.end() })),
    );
    return ended.filter(({ inTime }) => !inTime).map(({ name }) => name);
  }

  private slot(name: string): PluginSlot {
    let slot = this.slots.get(name);
    if (slot === undefined) {
      slot = new PluginSlot(name, this.services, this.contributions);
      this.slots.set(name, slot);
    }
    return slot;
  }

  private known(name: string): PluginSlot {
    const slot = this.slots.get(name);
    if (slot === undefined)
      throw new UnknownPluginError(`there is no plugin ${JSON.stringify(name)} in the configuration`);
    return slot;
  }
}

export class UnknownPluginError extends Error {
  override readonly name = 'UnknownPluginError';
}
