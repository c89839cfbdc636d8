/**
 * Operations that plugins import and publish beside their own: leaves without authority or reach, under prefixes that
 * the operator granted. `docs/spec/registry.md` 14.
 *
 * @module
 */

import {
  AdapterError,
  type AdapterRegistration,
  Capabilities,
  type Log,
  ownsName,
  type Publication,
} from '@alknet/sdk';
import type { PluginInstance } from '../plugins/index.ts';
import { checkImport, type Import } from '../registry/base.ts';
import {
  type ImportKind,
  noPrivilege,
  type Owner,
  type PluginProvenance,
  type Privilege,
} from '../registry/registration.ts';
import type { Registry } from '../registry/registry.ts';

/** Who publishes: a running plugin. */
export type Importer = Pick<PluginInstance, 'name' | 'signal' | 'granted' | 'refusals' | 'limits'>;

/** What the plugin itself is in the registry; read at each use. */
type PluginOwner = Pick<Owner, 'name' | 'provenance' | 'capabilities' | 'concurrency' | 'log'>;

/** One prefix of one plugin, as the registry sees it. */
class ImportOwner implements Owner {
  readonly name: string;
  readonly provenance: PluginProvenance;
  readonly log: Log;
  readonly instance: Importer;
  readonly prefix: string;
  readonly #plugin: () => PluginOwner;
  #secrets: readonly string[] = [];
  #made: { readonly from: Capabilities; readonly capabilities: Capabilities } | undefined;

  constructor(instance: Importer, prefix: string, plugin: () => PluginOwner) {
    const { name, provenance, log } = plugin();
    this.name = name;
    this.provenance = provenance;
    this.log = log;
    this.instance = instance;
    this.prefix = prefix;
    this.#plugin = plugin;
  }

  get concurrency(): number {
    return this.#plugin().concurrency;
  }

  get privilege(): Privilege {
    return { ...noPrivilege, capabilities: this.#secrets };
  }

  /** The secrets that the registrations name and the plugin holds; the first of them also under the prefix. */
  get capabilities(): Capabilities {
    const held = this.#plugin().capabilities;
    if (this.#made?.from === held) return this.#made.capabilities;
    let capabilities = new Capabilities();
    for (const [i, name] of this.#secrets.entries()) {
      const value = held.has(name) ? held.get(name) : undefined;
      if (value === undefined) continue;
      capabilities = capabilities.withApiKey(name, value);
      if (i === 0) capabilities = capabilities.withApiKey(this.prefix, value);
    }
    this.#made = { from: held, capabilities };
    return capabilities;
  }

  takeSecrets(registrations: readonly AdapterRegistration[]): void {
    this.#secrets = [...new Set(registrations.flatMap(({ capabilities }) => capabilities ?? []))];
    this.#made = undefined;
  }
}

/** Milliseconds of work before others have their turn. */
const turn = 10;

function asImport({ operation, handler, source }: AdapterRegistration): Import {
  return { operation: { ...operation, handler }, source };
}

export interface ImportParts {
  readonly registry: Registry;
  /** Milliseconds that calls in flight have when their operation is taken away. */
  readonly grace: (instance: Importer) => number;
  /** Its service belongs to it, also before it has registered anything. */
  readonly isPlugin: (name: string) => boolean;
}

export class PluginImports {
  readonly #parts: ImportParts;
  /** By prefix: who publishes there now. */
  readonly #current = new Map<string, ImportOwner>();
  readonly #prepared = new WeakMap<AdapterRegistration, Import>();
  /** All that calls may still run on. */
  readonly #byInstance = new WeakMap<Importer, Set<ImportOwner>>();

  constructor(parts: ImportParts) {
    this.#parts = parts;
  }

  /**
   * Looks at registrations in turns, and remembers what it found: to publish them has little left to do, however large
   * their schemas are. @throws OperationFault
   */
  async prepare(registrations: readonly AdapterRegistration[]): Promise<void> {
    let turnBegan = performance.now();
    for (const registration of registrations) {
      if (this.#prepared.has(registration)) continue;
      const made = asImport(registration);
      this.#prepared.set(registration, { ...made, compiled: checkImport(made.operation) });
      if (performance.now() - turnBegan < turn) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnBegan = performance.now();
    }
  }

  /** @throws AdapterError `AdapterConfig`, `Collision`; OperationFault or PublicationRefused for a bad operation */
  publish(
    instance: Importer,
    plugin: () => PluginOwner,
    prefix: string,
    kind: ImportKind,
    registrations: readonly AdapterRegistration[],
  ): Publication {
    this.#mayPublish(instance, prefix);
    const owner = new ImportOwner(instance, prefix, plugin);
    let removed = false;
    const replace = (next: readonly AdapterRegistration[]) => {
      if (removed) throw new AdapterError('AdapterConfig', `${prefix}: this publication was removed`);
      const stray = next.find(({ operation: { name } }) => !name.startsWith(`${prefix}/`));
      if (stray !== undefined)
        throw new AdapterError('AdapterConfig', `${prefix}: ${stray.operation.name} is not under the prefix`);
      const imports = next.map((registration) => this.#prepared.get(registration) ?? asImport(registration));
      // A newer instance of the plugin takes over from the one that it replaces.
      this.#parts.registry.publishImports(owner, imports, kind, this.#current.get(prefix) ?? owner);
      owner.takeSecrets(next);
      this.#current.set(prefix, owner);
    };
    replace(registrations);
    this.#hold(instance, owner);
    return Object.freeze({
      replace,
      remove: () => {
        removed = true;
        this.#takeAway(owner);
        void this.#drained(owner).then(() => this.#byInstance.get(instance)?.delete(owner));
      },
    });
  }

  /** Takes away what an instance has published and no later one has taken over. */
  withdraw(instance: Importer): void {
    for (const owner of this.#byInstance.get(instance) ?? []) this.#takeAway(owner);
  }

  /** Resolves when no call runs on what an instance published; what is left after its grace is aborted. */
  async drained(instance: Importer): Promise<void> {
    await Promise.all([...(this.#byInstance.get(instance) ?? [])].map((owner) => this.#drained(owner)));
  }

  #drained(owner: ImportOwner): Promise<void> {
    return this.#parts.registry.drained(owner, this.#parts.grace(owner.instance));
  }

  #takeAway(owner: ImportOwner): void {
    if (this.#current.get(owner.prefix) === owner) this.#current.delete(owner.prefix);
    this.#parts.registry.withdraw(owner);
  }

  #hold(instance: Importer, owner: ImportOwner): void {
    const held = this.#byInstance.get(instance);
    if (held !== undefined) {
      held.add(owner);
      return;
    }
    this.#byInstance.set(instance, new Set([owner]));
    // Also of one that never came to be published, or whose successor did not import the same.
    instance.signal.addEventListener('abort', () => this.withdraw(instance), { once: true });
  }

  #mayPublish(instance: Importer, prefix: string): void {
    if (instance.signal.aborted)
      throw new AdapterError('AdapterConfig', `${prefix}: plugin ${instance.name} has ended`);
    const { namespaces } = instance.granted;
    if (!ownsName(instance.name, prefix) && !namespaces.includes('*') && !namespaces.includes(prefix)) {
      instance.refusals.note('namespaces', prefix);
      throw new AdapterError(
        'AdapterConfig',
        `plugin ${instance.name} has no grant for the namespace "${prefix}": add it to plugins.${instance.name}.grant.namespaces`,
      );
    }
    const earlier = this.#current.get(prefix);
    if (earlier !== undefined && (earlier.name !== instance.name || earlier.instance === instance))
      throw new AdapterError('Collision', `the namespace "${prefix}" is imported already by ${earlier.name}`);
    if (prefix !== instance.name && this.#parts.isPlugin(prefix))
      throw new AdapterError('Collision', `the namespace "${prefix}" belongs to the plugin ${prefix}`);
    const taken = this.#parts.registry.base.ownerOfService(prefix);
    if (taken !== undefined && taken !== earlier && taken.name !== instance.name)
      throw new AdapterError('Collision', `the namespace "${prefix}" belongs to ${taken.name}`);
  }
}
