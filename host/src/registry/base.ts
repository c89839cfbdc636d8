/**
 * The base: every operation of the node by name, changed by publications, each a set that is taken whole or not at all.
 * `docs/spec/registry.md` 3 and 11.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import {
  type AnyOperation,
  checkOperation,
  compileImported,
  compileOperation,
  hostServices,
  OperationFault,
  ownsName,
  reservedServices,
  serviceOf,
} from '@alknet/sdk';
import type { Owner, Provenance, Registration, RegistrationKind } from './registration.ts';
import { OperationStats } from './stats.ts';

/** Operations in the base, and of one plugin. `docs/spec/registry.md` 17. */
export const maxOperations = 20_000;
export const maxPluginOperations = 2_000;
/** Publications that `services/watch` can tell the difference to. */
export const rememberedPublications = 1_000;

/** What decides who sees an operation; kept of replaced ones instead of their code. */
export type Shown = Pick<AnyOperation, 'visibility' | 'access'>;

export interface PublishedChange {
  readonly revision: string;
  /** Each name that it touched, with what stood there before. */
  readonly before: ReadonlyMap<string, Shown | undefined>;
}

/** A publication was refused; nothing of it is registered. */
export class PublicationRefused extends Error {
  override readonly name = 'PublicationRefused';
}

/** An operation that forwards to somewhere else. */
export interface Import {
  readonly operation: AnyOperation;
  /** Without credentials. */
  readonly source: string;
  /** It is an export of the import of that name. */
  readonly exports?: string;
  /** Given by {@link checkImport} before. */
  readonly compiled?: Registration['compiled'];
}

/** What of an import can be looked at without the others. @throws OperationFault */
export function checkImport(operation: AnyOperation): Registration['compiled'] {
  checkOperation(operation, 'imported');
  return compileImported(operation);
}

interface Prepared {
  readonly operation: AnyOperation;
  readonly compiled: Registration['compiled'];
  readonly source?: string;
  readonly exports?: string;
}

export class Base {
  #operations: ReadonlyMap<string, Registration> = new Map();
  #sorted: readonly Registration[] | undefined;
  readonly #start = randomBytes(4).toString('hex');
  #count = 1;
  readonly #history: PublishedChange[] = [];
  readonly #listeners = new Set<(change: PublishedChange) => void>();

  get revision(): string {
    return `${this.#start}.${this.#count}`;
  }

  /** Publications so far, and one. */
  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#operations.size;
  }

  get(name: string): Registration | undefined {
    return this.#operations.get(name);
  }

  /** By name, in code-point order. */
  all(): readonly Registration[] {
    // Names are ASCII, so the default order is that of code points.
    this.#sorted ??= [...this.#operations.values()].sort((a, b) =>
      a.operation.name < b.operation.name ? -1 : a.operation.name > b.operation.name ? 1 : 0,
    );
    return this.#sorted;
  }

  /** Who has an operation whose first segment is `service`. */
  ownerOfService(service: string): Owner | undefined {
    for (const { operation, owner } of this.#operations.values())
      if (serviceOf(operation.name) === service) return owner;
    return undefined;
  }

  of(owner: Owner): Registration[] {
    return [...this.#operations.values()].filter((registration) => registration.owner === owner);
  }

  /** Revisions after `since`, oldest first; `undefined` when that is no longer known. */
  changesSince(since: string): readonly PublishedChange[] | undefined {
    if (since === this.revision) return [];
    if (since === `${this.#start}.1` && this.#history.length === this.#count - 1) return this.#history;
    const at = this.#history.findIndex(({ revision }) => revision === since);
    return at === -1 ? undefined : this.#history.slice(at + 1);
  }

  onChange(listener: (change: PublishedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Checks and compiles what a plugin wants to register, without registering it. @throws OperationFault, PublicationRefused */
  prepare(plugin: string, operations: readonly AnyOperation[]): Prepared[] {
    if (operations.length > maxPluginOperations) {
      throw new PublicationRefused(
        `plugin ${plugin}: ${operations.length} operations, at most ${maxPluginOperations} are allowed`,
      );
    }
    const names = new Set<string>();
    return operations.map((operation) => {
      checkOperation(operation);
      const { name } = operation;
      if (names.has(name)) throw new OperationFault(name, `defined twice by plugin ${plugin}`);
      names.add(name);
      const fault = nameFault(plugin, name);
      if (fault !== undefined) throw new OperationFault(name, fault);
      return { operation, compiled: compileOperation(operation) };
    });
  }

  /** The same for operations that were imported: names are checked, the owner's name is none of theirs. */
  prepareImports(imports: readonly Import[]): Prepared[] {
    const names = new Set<string>();
    return imports.map((entry) => {
      const { operation, compiled = checkImport(operation) } = entry;
      const { name } = operation;
      if (names.has(name)) throw new PublicationRefused(`operation ${name} would be imported twice`);
      names.add(name);
      if (hostServices.includes(serviceOf(name)) || reservedServices.includes(serviceOf(name))) {
        throw new PublicationRefused(
          `operation ${name}: the service ${serviceOf(name)} is not for imports; give import.prefix`,
        );
      }
      return { ...entry, compiled };
    });
  }

  /**
   * Replaces all that `replaces` had registered by what `owner` brings, in one step.
   * @throws PublicationRefused naming the operation and both owners.
   */
  publish(
    owner: Owner,
    prepared: readonly Prepared[],
    kind: RegistrationKind = 'local',
    replaces?: Owner,
  ): PublishedChange {
    const next = new Map(this.#operations);
    const touched = new Set<string>();
    for (const [name, registration] of next) {
      if (registration.owner !== replaces) continue;
      next.delete(name);
      touched.add(name);
    }
    const revision = `${this.#start}.${this.#count + 1}`;
    const loadedAt = new Date().toISOString();
    const provenance: Provenance = Object.freeze({ kind, plugin: owner.provenance, loadedAt, revision });
    for (const { operation, compiled, source, exports } of prepared) {
      const { name } = operation;
      const taken = next.get(name);
      if (taken !== undefined) {
        throw new PublicationRefused(
          `operation ${name} of ${owner.name} is registered already by ${taken.owner.name}`,
        );
      }
      // Counts go on over a reload: to its callers it is the same operation.
      const stats = this.#operations.get(name)?.stats ?? new OperationStats();
      next.set(name, {
        operation,
        compiled,
        owner,
        provenance: source === undefined ? provenance : Object.freeze({ ...provenance, source }),
        stats,
        ...(exports === undefined ? {} : { exports }),
      });
      touched.add(name);
    }
    if (next.size > maxOperations) {
      throw new PublicationRefused(
        `${owner.name}: with it the registry would hold ${next.size} operations, at most ${maxOperations} are allowed`,
      );
    }
    return this.#swap(next, touched);
  }

  /** Takes everything of an owner away. */
  withdraw(owner: Owner): PublishedChange | undefined {
    const gone = this.of(owner);
    if (gone.length === 0) return undefined;
    const next = new Map(this.#operations);
    for (const { operation } of gone) next.delete(operation.name);
    return this.#swap(
      next,
      gone.map(({ operation }) => operation.name),
    );
  }

  #swap(next: ReadonlyMap<string, Registration>, names: Iterable<string>): PublishedChange {
    const before = new Map<string, Shown | undefined>();
    for (const name of names) {
      const operation = this.#operations.get(name)?.operation;
      before.set(name, operation && { visibility: operation.visibility, access: operation.access });
    }
    this.#operations = next;
    this.#sorted = undefined;
    this.#count++;
    const change: PublishedChange = { revision: this.revision, before };
    this.#history.push(change);
    if (this.#history.length > rememberedPublications) this.#history.shift();
    for (const listener of this.#listeners) listener(change);
    return change;
  }
}

/** Why a plugin may not have an operation of that name. `docs/spec/registry.md` 3. */
function nameFault(plugin: string, name: string): string | undefined {
  const service = serviceOf(name);
  if (plugin === 'host')
    return hostServices.includes(service) ? undefined : 'the host owns host/* and services/* only';
  if (reservedServices.includes(service)) return `the service ${service} belongs to nobody`;
  if (hostServices.includes(service))
    return `the service ${service} belongs to the host, not to plugin ${plugin}`;
  return ownsName(plugin, name)
    ? undefined
    : `the service ${service} is not that of plugin ${plugin}; its operations begin with ${plugin}/ or ${plugin}-…/`;
}
