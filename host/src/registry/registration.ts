/**
 * What stands in the registry: an operation with its provenance and its owner, who has the privilege.
 * `docs/spec/registry.md` 4.
 *
 * @module
 */

import type { AnyOperation, Capabilities, CompiledOperation, Identity, Log, ReachPattern } from '@alknet/sdk';
import type { OperationStats } from './stats.ts';

export type RegistrationKind = 'local' | 'openapi' | 'mcp' | 'jsonschema' | 'call' | 'session';

/** Of what something outside offers; its operations are leaves. */
export type ImportKind = Exclude<RegistrationKind, 'local' | 'session'>;

export interface PluginProvenance {
  readonly name: string;
  readonly version: string;
  readonly package: string;
  /** `sha256-` + base64 over the files that were loaded; absent for the host itself. */
  readonly integrity?: string;
  /** The same over the bundled modules of other packages; absent for what is not bundled. */
  readonly modules?: string;
  readonly signer?: { readonly name: string; readonly key: string };
}

/** Where the code came from. Chosen by nobody who wrote it. */
export interface Provenance {
  readonly kind: RegistrationKind;
  readonly plugin: PluginProvenance;
  /** Imports only: URL without credentials, or peer alias and remote name. */
  readonly source?: string;
  readonly loadedAt: string;
  /** Registry revision that brought it. */
  readonly revision: string;
}

/** What the operator lets the operations of an owner do. */
export interface Privilege {
  /** What operations *composed by* these are checked against; `null` for leaves. */
  readonly authority: Identity | null;
  readonly reach: readonly ReachPattern[];
  /** Names of the secrets and keys held; never values. */
  readonly capabilities: readonly string[];
}

/** A plugin instance, or the host, as the registry sees it. Its members are read at each step, so that changes apply at once. */
export interface Owner {
  readonly name: string;
  readonly provenance: PluginProvenance;
  readonly privilege: Privilege;
  readonly capabilities: Capabilities;
  /** Handler runs at once. */
  readonly concurrency: number;
  /** It reached for a right that the operator did not give: an operation by name, or one that a message names. */
  readonly reached?: (right: { readonly operation: string } | { readonly refusal: string }) => void;
  readonly log: Log;
}

export interface Registration {
  readonly compiled: CompiledOperation;
  readonly operation: AnyOperation;
  readonly owner: Owner;
  readonly provenance: Provenance;
  readonly stats: OperationStats;
  /** The import that it makes callable from outside. `docs/spec/registry.md` 13.4. */
  readonly exports?: string;
}

/** Leaves: they compose nothing and have no authority. */
export const noPrivilege: Privilege = Object.freeze({ authority: null, reach: [], capabilities: [] });
