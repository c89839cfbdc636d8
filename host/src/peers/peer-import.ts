/**
 * What a link brings into the registry: the operations that its peer offers and the configuration asks for, each with a
 * handler that forwards. `docs/spec/registry.md` 13.2.
 *
 * @module
 */

import { AdapterError, OperationFault } from '@alknet/sdk';
import { type Import, PublicationRefused } from '../registry/base.ts';
import type { ConnectedPeer } from '../registry/connected-peers.ts';
import { forwardingHandler } from '../registry/forward.ts';
import type { Owner } from '../registry/registration.ts';
import type { Registry } from '../registry/registry.ts';
import { type ExportRule, type ImportRules, importSet } from './import-set.ts';

export interface ImportSettings {
  readonly alias: string;
  readonly import: ImportRules | undefined;
  readonly exports: readonly ExportRule[];
}

export class PeerImport {
  readonly #registry: Registry;
  readonly #owner: Owner;
  readonly #connected: () => ConnectedPeer | undefined;
  #operations = 0;
  /** What the set that stands in the registry was made of. */
  #published: { readonly offered: unknown; readonly settings: ImportSettings } | undefined;

  /** `connected`: the peer that the link has now. */
  constructor(registry: Registry, owner: Owner, connected: () => ConnectedPeer | undefined) {
    this.#registry = registry;
    this.#owner = owner;
    this.#connected = connected;
  }

  /** How many were taken, without the second names of those that are exported. */
  get operations(): number {
    return this.#operations;
  }

  /** Resolves with what went wrong; the set that was there stays then. */
  async take(peer: ConnectedPeer, settings: ImportSettings): Promise<string | undefined> {
    const { alias, import: rules, exports } = settings;
    if (rules === undefined) {
      this.withdraw();
      return undefined;
    }
    try {
      const offered = await peer.offers.get();
      const of = this.#published;
      if (of?.offered === offered && of.settings === settings) return undefined;
      const set = importSet(offered.operations, rules, exports);
      this.#registry.publishImports(
        this.#owner,
        set.map(({ spec, remote, exports: exported }): Import => {
          const declared = new Set((spec.errors ?? []).map(({ code }) => code));
          const destination = () => ({
            label: alias,
            remote: this.#newest()?.remote,
            policy: this.#registry.peers.policy(peer.id),
          });
          return {
            operation: { ...spec, handler: forwardingHandler(remote, spec.type, declared, destination) },
            source: `${alias} ${remote}`,
            ...(exported === undefined ? {} : { exports: exported }),
          };
        }),
      );
      this.#published = { offered, settings };
      this.#operations = set.filter(({ spec, exports: of }) => of === undefined || of === spec.name).length;
      return undefined;
    } catch (error) {
      return faultOf(error);
    }
  }

  withdraw(): void {
    this.#operations = 0;
    this.#published = undefined;
    this.#registry.withdraw(this.#owner);
  }

  /** The newest connection of the peer, which may be another one than that of the import. */
  #newest(): ConnectedPeer | undefined {
    const connected = this.#connected();
    return connected && (this.#registry.peers.find(connected.id) ?? connected);
  }
}

function faultOf(error: unknown): string {
  if (error instanceof AdapterError) return `${error.code}: ${error.message}`;
  if (error instanceof PublicationRefused) return `Collision: ${error.message}`;
  if (error instanceof OperationFault) {
    return `${/: name:/.test(error.message) ? 'Collision' : 'SchemaParse'}: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}
