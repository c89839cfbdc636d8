/**
 * The peers of the running node: follows `peers.json`, and says to registry and endpoint who somebody is.
 * `docs/spec/identity.md` 4 to 6.
 *
 * @module
 */

import type { Identity, IdentityLookup, Log, PeerDirectory, RemoteAddress } from '@alknet/sdk';
import type { Endpoint } from '../endpoint/index.ts';
import {
  changePeers,
  normaliseFingerprint,
  type PeersEdit,
  PeerTable,
  readPeers,
} from '../identity/index.ts';
import { RecentTokens } from '../identity/recent-tokens.ts';
import type { Identities as RegistryIdentities } from '../registry/registry.ts';

export class NodePeers implements RegistryIdentities {
  readonly table = new PeerTable();
  /** Why the file on disk is not in use. */
  problem: string | undefined;
  readonly #dataDir: string;
  readonly #log: Log;
  readonly #maxPeers: () => number;
  readonly #tokenUses = new Map<string, { readonly tokenHash: string | undefined; readonly at: Date }>();
  readonly #recentTokens = new RecentTokens();
  #reloading: Promise<void> = Promise.resolve();
  #endpoint: Endpoint | undefined;
  readonly #directory: PeerDirectory = Object.freeze({
    resolvePeer: (id: string) => this.table.resolvePeer(id),
    entries: () =>
      this.table.peers().map(({ id, fingerprints, sshKeys = [] }) => ({ id, fingerprints, sshKeys })),
  });

  constructor(dataDir: string, log: Log, maxPeers: () => number) {
    this.#dataDir = dataDir;
    this.#log = log;
    this.#maxPeers = maxPeers;
    this.table.onChange(() => this.#recentTokens.clear());
  }

  /** @throws PeersFormatError */
  async load(): Promise<void> {
    const { entries, revision } = await readPeers(this.#dataDir, this.#maxPeers());
    this.table.swap(entries, revision);
    this.#warn();
  }

  /** Takes the file as it is now; a bad one leaves the table in use. One after the other: the last look is the newest. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#take());
    return this.#reloading;
  }

  /**
   * Changes the file as the local commands do, and takes it into use; the revision it has then.
   * @throws PeersFormatError, RevisionMismatch, PeersBusy, and whatever the edit throws
   */
  async change(edit: PeersEdit, ifRevision?: string): Promise<string> {
    const revision = await changePeers(this.#dataDir, edit, {
      maxPeers: this.#maxPeers(),
      ...(ifRevision === undefined ? {} : { ifRevision }),
    });
    await this.reload();
    return revision;
  }

  /** When the token that the entry has now was last presented to this process. */
  tokenUsedAt(id: string): Date | undefined {
    const use = this.#tokenUses.get(id);
    return use !== undefined && use.tokenHash === this.table.entry(id)?.tokenHash ? use.at : undefined;
  }

  async #take(): Promise<void> {
    try {
      const { entries, revision } = await readPeers(this.#dataDir, this.#maxPeers());
      this.problem = undefined;
      if (revision === this.table.revision) return;
      this.table.swap(entries, revision);
      this.#log.info('peers reloaded', { revision, peers: entries.length });
      this.#warn();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.#log.error('peers refused', { message: this.problem });
    }
  }

  #warn(): void {
    for (const { id, fingerprints, sshKeys = [] } of this.table.peers()) {
      if (fingerprints.length === 0 && sshKeys.length === 0 && !this.table.hasToken(id))
        this.#log.warn('peer has no credential', { peer: id });
    }
  }

  /** Ends connections of those who lose what they rest on. */
  attach(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.table.onChange(({ losses }) => {
      for (const { id, reason, credentials } of losses) {
        if (reason !== 'credential') endpoint.revoke({ peer: id, reason });
        else {
          // A lost token ends the requests that used it (the registry sees to that); no connection rests on one.
          for (const fingerprint of credentials.filter((credential) => !credential.startsWith('sha256:'))) {
            endpoint.revoke({ peer: id, reason, fingerprint });
          }
        }
      }
    });
  }

  /** Rights now. An identity that a plugin asserted is no peer's, and stays what the host made of it. */
  current(identity: Identity): Identity | null {
    if (identity.id.includes(':')) return identity;
    return this.table.resolvePeer(identity.id) ?? null;
  }

  /** A token that does not resolve counts against its address; one from a blocked address is not looked at. */
  resolveToken(token: string, remote: RemoteAddress | null): Identity | undefined {
    // The registry looks at the tokens of running calls once more when peers change; that is no use of them.
    if (remote === null) return this.table.resolveToken(token);
    const recent = this.#recentTokens.get(remote, token);
    if (recent !== undefined) return recent;
    if (this.#endpoint?.isBlocked(remote)) return undefined;
    const identity = this.table.resolveToken(token);
    if (identity === undefined) {
      this.#endpoint?.authFailed(remote);
      this.#log.warn('identity reject', { addr: `${remote.address}:${remote.port}`, reason: 'token' });
      return undefined;
    }
    const entry = this.table.entry(identity.id);
    this.#tokenUses.set(identity.id, { tokenHash: entry?.tokenHash, at: new Date() });
    // An end that was set is met to the millisecond.
    if (entry?.expiresAt === undefined) this.#recentTokens.set(remote, token, identity);
    return identity;
  }

  resolveFingerprint(fingerprint: string): Identity | undefined {
    try {
      return this.table.resolveFingerprint(normaliseFingerprint(fingerprint));
    } catch {
      return undefined;
    }
  }

  onChange(listener: () => void): () => void {
    return this.table.onChange(listener);
  }

  /** A built-in plugin may also look at the entries themselves. */
  lookup({ builtIn }: { readonly builtIn: boolean }): IdentityLookup {
    return {
      resolveFingerprint: (fingerprint) => this.resolveFingerprint(fingerprint),
      resolveToken: (token, remote) => this.resolveToken(token, remote ?? null),
      ...(builtIn ? { peers: this.#directory } : {}),
      onChange: (listener) => this.table.onChange(listener),
    };
  }
}
