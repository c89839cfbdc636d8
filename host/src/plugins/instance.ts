/**
 * One loaded plugin from its start to its end. It is what the router and the registry hold as owner.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import {
  type AnyOperation,
  type Capabilities,
  type Connection,
  type Log,
  noCapabilities,
  parsePattern,
  type Requests,
  type RunningPlugin,
} from '@alknet/sdk';
import type { PluginEntry } from '../config/effective.ts';
import type { TransportKind } from '../endpoint/engine.ts';
import type { PluginProvenance, Privilege } from '../registry/registration.ts';
import type { ContributionTable } from './contributions.ts';
import { type Granted, grantedOf } from './grants.ts';
import type { LoadedPlugin } from './load.ts';
import { PluginError, placeIn, reasonOf, stackOf } from './plugin-error.ts';
import { makePluginHost } from './plugin-host.ts';
import { Refusals } from './refusals.ts';
import { secretReferences } from './secret-references.ts';
import type { PluginServices } from './services.ts';
import { within } from './time-limit.ts';

/** Milliseconds that `stop()` may take. `docs/spec/endpoint.md` 13. */
export const stopTime = 500;

export class PluginInstance {
  readonly name: string;
  readonly loaded: LoadedPlugin;
  readonly contributes: Readonly<Record<string, unknown>>;
  private readonly services: PluginServices;
  private readonly ending = new AbortController();
  private running: RunningPlugin = {};
  private entry: PluginEntry;
  private rights: Granted;
  private lent: Privilege;
  private held: Capabilities = noCapabilities;
  private readonly heldBefore: Capabilities[] = [];
  readonly provenance: PluginProvenance;
  readonly refusals: Refusals;
  readonly log: Log;

  constructor(entry: PluginEntry, loaded: LoadedPlugin, services: PluginServices) {
    this.name = entry.name;
    this.entry = entry;
    this.loaded = loaded;
    this.services = services;
    this.contributes = loaded.plugin.contributes ?? {};
    this.rights = this.rightsUnder(entry);
    this.lent = privilegeOf(entry.name, this.rights);
    const { package: packageName, version, integrity, modules, signer } = loaded;
    this.provenance = Object.freeze({
      name: entry.name,
      version,
      package: packageName,
      integrity,
      ...(modules === undefined ? {} : { modules }),
      ...(signer === undefined ? {} : { signer: Object.freeze(signer) }),
    });
    this.refusals = new Refusals(entry.name, loaded.requests, services.log);
    this.log = services.pluginLog(entry.name);
  }

  get version(): string {
    return this.loaded.version;
  }
  get builtIn(): boolean {
    return this.loaded.builtIn;
  }
  get alpns(): readonly string[] {
    return this.loaded.alpns;
  }
  get operations(): readonly AnyOperation[] {
    return this.loaded.plugin.operations ?? [];
  }
  get requests(): Requests {
    return this.loaded.requests;
  }
  /** The entry in force. */
  get settings(): PluginEntry {
    return this.entry;
  }
  get listeners(): readonly TransportKind[] | undefined {
    // The configuration knows `iroh`, which this build refuses before it comes here.
    return this.entry.listeners?.filter((listener) => listener !== 'iroh');
  }
  get requireIdentity(): boolean {
    return this.entry.requireIdentity;
  }
  get limits(): PluginEntry['limits'] {
    return this.entry.limits;
  }
  /** The intersection of requests and grant; another object when the operator changed it. */
  get granted(): Granted {
    return this.rights;
  }
  get grant(): Granted {
    return this.rights;
  }
  get concurrency(): number {
    return this.entry.limits.concurrency;
  }
  /** What its operations run with; read at each step, so that a narrowed grant holds for calls in flight. */
  get privilege(): Privilege {
    return this.lent;
  }
  /** Those of `start(host)`, as they are now; its operations see the same. */
  get capabilities(): Capabilities {
    return this.held;
  }
  /** Aborted when the instance must end. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** @throws PluginError */
  async start(contributions: ContributionTable): Promise<void> {
    const { name, services, entry } = this;
    const config = this.checkedConfig(entry);
    this.held = await this.collectCapabilities();
    const host = makePluginHost({ instance: this, config, services, contributions });
    const begun = (async () => this.loaded.plugin.start?.(host as never))();
    const late = new PluginError(
      `start() did not return within ${entry.limits.startTimeout} ms; raise plugins.${name}.limits.startTimeout, or look why it hangs`,
    );
    try {
      this.running = (await within(begun, entry.limits.startTimeout, late, this.signal)) ?? {};
    } catch (error) {
      const abandoned = this.signal.aborted;
      this.ending.abort(error);
      // One that comes to its senses later is stopped then.
      void begun.then((running) => running?.stop?.()).catch(() => {});
      if (error === late || abandoned) throw error;
      throw this.fault('start() threw', error);
    }
    if (this.alpns.length > 0 && this.running.connection === undefined) {
      await this.stop(new PluginError('not published'));
      throw new PluginError(
        `plugin ${name} owns ${this.alpns.join(', ')}, and its start() returned no connection()`,
      );
    }
  }

  connection(connection: Connection): Promise<void> | void {
    return this.running.connection?.(connection);
  }

  /** What is wrong with the `config` of an entry, without taking it. */
  configIssues(entry: PluginEntry): readonly { path: readonly string[]; message: string }[] {
    const issues = this.loaded.checkConfig(structuredClone(entry.config)) ?? [];
    return issues.map(({ path, message }) => ({
      path: path.split('/').slice(1).map(unescapePointer),
      message,
    }));
  }

  /** Takes what needs no restart. Whether privilege is another one now. */
  take(entry: PluginEntry): boolean {
    const before = this.rights;
    const rights = this.rightsUnder(entry);
    this.entry = entry;
    if (isDeepStrictEqual(before, rights)) return false;
    this.rights = rights;
    this.lent = privilegeOf(this.name, rights);
    return true;
  }

  get configurable(): boolean {
    return this.running.configure !== undefined;
  }

  /** @throws PluginError; then the old config stays in use */
  async configure(entry: PluginEntry): Promise<void> {
    const config = this.checkedConfig(entry);
    const late = new PluginError(`configure() did not return within ${entry.limits.startTimeout} ms`);
    try {
      await within((async () => this.running.configure?.(config))(), entry.limits.startTimeout, late);
    } catch (error) {
      throw error === late ? late : this.fault('configure() threw', error);
    }
  }

  async drain(): Promise<void> {
    try {
      await this.running.drain?.();
    } catch (error) {
      this.report('drain() threw', error);
    }
  }

  /** Aborts `signal` and runs `stop()`, once. Never rejects; `false` when `stop()` did not end in time. */
  stop(reason: unknown = new Error('the plugin is stopped')): Promise<boolean> {
    this.end ??= this.runStop(reason);
    return this.end;
  }
  private end: Promise<boolean> | undefined;

  private async runStop(reason: unknown): Promise<boolean> {
    this.ending.abort(reason);
    const late = new PluginError('');
    try {
      await within((async () => this.running.stop?.())(), stopTime, late);
      return true;
    } catch (error) {
      if (error !== late) {
        this.report('stop() threw', error);
        return true;
      }
      this.services.log.warn('plugin did not stop', { plugin: this.name, after: stopTime });
      return false;
    } finally {
      for (const held of [this.held, ...this.heldBefore]) if (held !== noCapabilities) held.dispose();
      await this.loaded.thread?.close();
    }
  }

  private checkedConfig(entry: PluginEntry): unknown {
    // A copy: defaults are filled in place, and the entry is frozen.
    const config: unknown = structuredClone(entry.config);
    const [issue] = this.loaded.checkConfig(config) ?? [];
    if (issue !== undefined)
      throw new PluginError(`plugins.${this.name}.config${issue.path.replaceAll('/', '.')} ${issue.message}`);
    return config;
  }

  /** What would be granted under an entry. */
  rightsUnder(entry: PluginEntry): Granted {
    const { requests, builtIn, plugin } = this.loaded;
    const configSecrets = secretReferences(plugin.config, entry.config);
    return grantedOf({ requests, grant: entry.grant, builtIn, configSecrets });
  }

  /** Secrets have changed. A copy that the plugin has kept stays as it was until the plugin ends. Takes over its copy. */
  renew(capabilities: Capabilities): void {
    if (this.signal.aborted) return capabilities.dispose();
    this.heldBefore.push(this.held);
    this.held = capabilities;
  }

  private async collectCapabilities(): Promise<Capabilities> {
    try {
      return this.reporting(await this.services.capabilities(this.name, this.rights.secrets));
    } catch (error) {
      throw new PluginError(`plugin ${this.name}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** The same, with a word to the operator for each secret that the plugin asks for and has not. Takes over its copy. */
  reporting(capabilities: Capabilities): Capabilities {
    const reporting = capabilities.reporting((name) => this.refusals.note('secrets', name));
    if (capabilities !== noCapabilities) capabilities.dispose();
    return reporting;
  }

  private fault(what: string, error: unknown): PluginError {
    const place = placeIn(this.loaded.trace(stackOf(error)), this.loaded.files);
    const where = place === undefined ? '' : `${place.file}:${place.line}:${place.column}: `;
    return new PluginError(`${where}${what}: ${reasonOf(error)}`, { place, cause: error });
  }

  private report(what: string, error: unknown): void {
    this.services.log.warn('plugin failed while it ended', {
      plugin: this.name,
      error: this.fault(what, error).message,
    });
  }
}

function privilegeOf(name: string, { scopes, resources, operations, secrets }: Granted): Privilege {
  return Object.freeze({
    authority: Object.freeze({ id: `plugin:${name}`, scopes, resources }),
    reach: operations.map(parsePattern).filter((pattern) => pattern !== undefined),
    capabilities: secrets,
  });
}

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
