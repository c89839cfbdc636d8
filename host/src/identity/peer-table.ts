/**
 * The peers in use: look-ups that never wait, a table that is swapped whole, and the news of whom it has lost.
 * `docs/spec/identity.md` 4 to 6.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';
import type { PeerEntry } from './peer-entry.ts';
import { findByToken, hashBytes } from './token.ts';

/** Why connections that rest on a peer must end. */
export interface PeerLoss {
  readonly id: string;
  readonly reason: 'removed' | 'disabled' | 'expired' | 'credential';
  /** With `credential`: fingerprints and token hashes that the entry no longer has. */
  readonly credentials: readonly string[];
}

export interface PeerChange {
  readonly revision: string;
  readonly losses: readonly PeerLoss[];
}

interface Table {
  readonly revision: string;
  readonly entries: readonly PeerEntry[];
  readonly byId: ReadonlyMap<string, PeerEntry>;
  readonly byFingerprint: ReadonlyMap<string, PeerEntry>;
  readonly tokens: readonly { readonly hash: Buffer; readonly entry: PeerEntry }[];
}

/** Milliseconds. A timer does not notice that the clock was set or that the machine slept: it looks again. */
const maxDelay = 60_000;

export class PeerTable {
  #table: Table = makeTable([], '');
  readonly #listeners = new Set<(change: PeerChange) => void>();
  /** One object an entry, so that what the host gave out can be told from a copy. */
  #identities = new WeakMap<PeerEntry, Identity>();
  readonly #given = new WeakSet<Identity>();
  readonly #now: () => number;
  #expiry: NodeJS.Timeout | undefined;
  /** Ids of entries whose expiry has been told. */
  readonly #expired = new Set<string>();

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get revision(): string {
    return this.#table.revision;
  }

  /** All entries, without their token hashes. */
  peers(): readonly PeerEntry[] {
    return this.#table.entries.map(({ tokenHash: _hidden, ...entry }) => entry as PeerEntry);
  }

  entry(id: string): PeerEntry | undefined {
    return this.#table.byId.get(id);
  }

  /** Whose key this is, in its normal form. */
  owner(fingerprint: string): PeerEntry | undefined {
    return this.#table.byFingerprint.get(fingerprint);
  }

  hasToken(id: string): boolean {
    return this.entry(id)?.tokenHash !== undefined;
  }

  resolvePeer(id: string): Identity | undefined {
    return this.#identity(this.#table.byId.get(id));
  }

  /** A fingerprint in its normal form. */
  resolveFingerprint(fingerprint: string): Identity | undefined {
    return this.#identity(this.#table.byFingerprint.get(fingerprint));
  }

  resolveToken(token: string): Identity | undefined {
    return this.#identity(findByToken(token, this.#table.tokens));
  }

  /** Whether the object came from one of the look-ups, and is no copy. */
  isGivenOut(identity: Identity): boolean {
    return this.#given.has(identity);
  }

  /** Takes a new table in one step. */
  swap(entries: readonly PeerEntry[], revision: string): void {
    const before = this.#table;
    this.#table = makeTable(entries, revision);
    this.#identities = new WeakMap();
    const losses = lossesBetween(before, this.#table, (entry) => this.#isExpired(entry));
    const news = losses.filter(({ id, reason }) => reason !== 'expired' || !this.#expired.has(id));
    this.#expired.clear();
    for (const entry of entries) if (this.#isExpired(entry)) this.#expired.add(entry.id);
    this.#armExpiry();
    this.#tell({ revision, losses: news });
  }

  onChange(listener: (change: PeerChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    clearTimeout(this.#expiry);
    this.#listeners.clear();
  }

  #tell(change: PeerChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #identity(entry: PeerEntry | undefined): Identity | undefined {
    if (entry === undefined || !entry.enabled || this.#isExpired(entry)) return undefined;
    let identity = this.#identities.get(entry);
    if (identity === undefined) {
      const { id, scopes, resources } = entry;
      identity = Object.freeze({ id, scopes, resources });
      this.#identities.set(entry, identity);
      this.#given.add(identity);
    }
    return identity;
  }

  #isExpired({ expiresAt }: PeerEntry): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#now();
  }

  /** Wakes at the next expiry. */
  #armExpiry(): void {
    clearTimeout(this.#expiry);
    let next = Number.POSITIVE_INFINITY;
    for (const { id, expiresAt } of this.#table.entries) {
      if (expiresAt !== undefined && !this.#expired.has(id)) next = Math.min(next, Date.parse(expiresAt));
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#expiry = setTimeout(() => this.#expire(), Math.min(maxDelay, Math.max(1, next - this.#now())));
    this.#expiry.unref();
  }

  #expire(): void {
    const losses: PeerLoss[] = [];
    for (const entry of this.#table.entries) {
      if (this.#expired.has(entry.id) || !this.#isExpired(entry)) continue;
      this.#expired.add(entry.id);
      losses.push({ id: entry.id, reason: 'expired', credentials: [] });
    }
    this.#armExpiry();
    if (losses.length > 0) this.#tell({ revision: this.#table.revision, losses });
  }
}

function makeTable(entries: readonly PeerEntry[], revision: string): Table {
  return {
    revision,
    entries,
    byId: new Map(entries.map((entry) => [entry.id, entry])),
    byFingerprint: new Map(
      entries.flatMap((entry) => entry.fingerprints.map((fingerprint) => [fingerprint, entry])),
    ),
    tokens: entries.flatMap((entry) =>
      entry.tokenHash === undefined ? [] : [{ hash: hashBytes(entry.tokenHash), entry }],
    ),
  };
}

function lossesBetween(before: Table, after: Table, isExpired: (entry: PeerEntry) => boolean): PeerLoss[] {
  return before.entries.flatMap((old): PeerLoss[] => {
    const entry = after.byId.get(old.id);
    const loss = (reason: PeerLoss['reason'], credentials: readonly string[] = []) => [
      { id: old.id, reason, credentials },
    ];
    if (entry === undefined) return loss('removed');
    if (!entry.enabled) return old.enabled ? loss('disabled') : [];
    if (isExpired(entry)) return loss('expired');
    const gone = old.fingerprints.filter((fingerprint) => !entry.fingerprints.includes(fingerprint));
    if (old.tokenHash !== undefined && old.tokenHash !== entry.tokenHash) gone.push(old.tokenHash);
    return gone.length === 0 ? [] : loss('credential', gone);
  });
}
