/**
 * The links that `peers` and `export` of the configuration ask for: made, changed and ended one by one, so that a change
 * of one touches no other's connection. `docs/spec/config.md` 10.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import { type Log, parsePattern, patternReaches } from '@alknet/sdk';
import type { Config } from '../config/index.ts';
import type { ConnectedPeers } from '../registry/connected-peers.ts';
import type { Owner } from '../registry/registration.ts';
import type { Registry } from '../registry/registry.ts';
import type { ExportRule, ImportRules } from './import-set.ts';
import { type LinkSession, type LinkSettings, type LinkStatus, PeerLink } from './peer-link.ts';

type PeerConfig = Config['peers'][string];

export interface PeerLinksParts {
  readonly registry: Registry;
  readonly log: Log;
  /** Of operations that an alias brings. */
  owner(alias: string): Owner;
  /** The peer of `peers.json` that holds a pin. */
  peerOfPin(fingerprint: string): string | undefined;
  /** Value of a secret, `undefined` when there is none. */
  secret(name: string): string | undefined;
  dial(alias: string, peer: PeerConfig, signal: AbortSignal): Promise<LinkSession>;
}

interface Entry {
  readonly config: PeerConfig;
  readonly link: PeerLink;
}

export class PeerLinks {
  readonly #parts: PeerLinksParts;
  readonly #links = new Map<string, Entry>();
  #config: Pick<Config, 'peers' | 'export'> = { peers: {}, export: [] };
  readonly #ends = new Set<Promise<void>>();

  constructor(parts: PeerLinksParts) {
    this.#parts = parts;
    const { peers }: { peers: ConnectedPeers } = parts.registry;
    peers.idOfAlias = (alias) => this.#idOf(alias);
    peers.policyOf = (id) => this.#policyOf(id);
  }

  /** What is configured now. */
  follow(config: Pick<Config, 'peers' | 'export'>): void {
    this.#config = config;
    for (const [alias, { config: before, link }] of this.#links) {
      const now = Object.hasOwn(config.peers, alias) ? config.peers[alias] : undefined;
      if (now !== undefined && wanted(now) && sameConnection(before, now)) continue;
      this.#links.delete(alias);
      const end = link.stop().finally(() => this.#ends.delete(end));
      this.#ends.add(end);
    }
    const exports = config.export.map(exportRule);
    for (const [alias, peer] of Object.entries(config.peers)) {
      if (!wanted(peer)) continue;
      // Read now, so that it is there when the vault is locked later.
      if (peer.token !== undefined) this.#parts.secret(peer.token.secret);
      const settings = settingsOf(alias, peer, exports);
      const there = this.#links.get(alias);
      if (there === undefined) this.#links.set(alias, { config: peer, link: this.#make(settings, peer) });
      else {
        this.#links.set(alias, { config: peer, link: there.link });
        there.link.configure(settings);
      }
    }
  }

  status(): LinkStatus[] {
    return Object.entries(this.#config.peers).flatMap(([alias, peer]) => {
      const entry = this.#links.get(alias);
      if (entry !== undefined) return [entry.link.status];
      return peer.enabled || peer.import === undefined ? [] : [{ alias, state: 'disabled', operations: 0 }];
    });
  }

  /** Patterns of `export` that no import fits now: the peer may come later. */
  unmatchedExports(): string[] {
    const names = this.#parts.registry.base
      .all()
      .flatMap(({ operation, provenance, exports }) =>
        provenance.kind === 'local' ? [] : [exports ?? operation.name],
      );
    return this.#config.export
      .flatMap(({ operations }) => operations)
      .filter((text) => {
        const pattern = parsePattern(text);
        return pattern === undefined || !names.some((name) => patternReaches(pattern, name));
      });
  }

  async stop(): Promise<void> {
    this.follow({ peers: {}, export: [] });
    await Promise.all(this.#ends);
  }

  #make(settings: LinkSettings, peer: PeerConfig): PeerLink {
    const { registry, log, owner, dial } = this.#parts;
    const { alias } = settings;
    return new PeerLink(settings, {
      registry,
      log,
      owner: owner(alias),
      peerId: () => this.#peerOf(peer),
      dial: (signal) => dial(alias, peer, signal),
    });
  }

  #peerOf(peer: PeerConfig): string | undefined {
    if (peer.peer !== undefined) return peer.peer;
    for (const pin of peer.fingerprints) {
      const id = this.#parts.peerOfPin(pin);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  #idOf(alias: string): string | undefined {
    const peer = Object.hasOwn(this.#config.peers, alias) ? this.#config.peers[alias] : undefined;
    return peer?.enabled === true ? (this.#peerOf(peer) ?? alias) : undefined;
  }

  #policyOf(id: string) {
    for (const [alias, peer] of Object.entries(this.#config.peers)) {
      if (!peer.enabled || (this.#peerOf(peer) ?? alias) !== id) continue;
      const token = peer.token === undefined ? undefined : this.#parts.secret(peer.token.secret);
      return { forwardCaller: peer.forwardCaller, token };
    }
    return undefined;
  }
}

/** Whether anything is done with the entry beside looking it up. */
function wanted(peer: PeerConfig): boolean {
  return peer.enabled && (dials(peer) || peer.import !== undefined);
}

function dials({ connect, import: imports, addresses, fingerprints }: PeerConfig): boolean {
  return connect ?? (imports !== undefined && addresses.length + fingerprints.length > 0);
}

/** Whether the connection of one serves the other. */
function sameConnection(a: PeerConfig, b: PeerConfig): boolean {
  const of = (peer: PeerConfig) => [
    dials(peer),
    peer.addresses,
    peer.fingerprints,
    peer.peer,
    peer.transport,
    peer.presentIdentity,
  ];
  return isDeepStrictEqual(of(a), of(b));
}

function settingsOf(alias: string, peer: PeerConfig, exports: readonly ExportRule[]): LinkSettings {
  return { alias, dials: dials(peer), import: importRules(alias, peer), exports };
}

function importRules(alias: string, { import: imports }: PeerConfig): ImportRules | undefined {
  if (imports === undefined) return undefined;
  if (imports === true) return { prefix: `${alias}/`, include: ['*'], exclude: [] };
  return { prefix: imports.prefix ?? `${alias}/`, include: imports.include, exclude: imports.exclude };
}

function exportRule({
  operations,
  as,
  access,
  timeoutMs,
  description,
}: Config['export'][number]): ExportRule {
  return {
    operations: typeof operations === 'string' ? [operations] : operations,
    as,
    access: access as ExportRule['access'],
    timeoutMs,
    description,
  };
}
