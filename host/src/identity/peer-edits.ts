/**
 * Changes of the entries of `peers.json`, as `changePeers` takes them; the same for commands and operations.
 * `docs/spec/identity.md` 4 and 5. Pure.
 *
 * @module
 */

import type { PeerEntry } from './peer-entry.ts';

export type PeersEdit = (entries: readonly PeerEntry[]) => readonly PeerEntry[];

/** There is no entry of that id, or it has no token. Nothing has changed. */
export class NoSuchEntry extends Error {
  override readonly name = 'NoSuchEntry';
}

/** There is an entry of that id already. Nothing has changed. */
export class EntryExists extends Error {
  override readonly name = 'EntryExists';
}

/** @throws NoSuchEntry */
export function entryOf(entries: readonly PeerEntry[], id: string): PeerEntry {
  const entry = entries.find((candidate) => candidate.id === id);
  if (entry === undefined) throw new NoSuchEntry(`there is no peer ${JSON.stringify(id)}`);
  return entry;
}

export type NewEntry = Partial<Omit<PeerEntry, 'id' | 'createdAt'>> & { readonly id: string };

/** What a new entry is without more: nothing is allowed to it. */
export function freshEntry(given: NewEntry, now = new Date()): PeerEntry {
  return {
    fingerprints: [],
    scopes: [],
    resources: {},
    enabled: true,
    ...given,
    createdAt: now.toISOString(),
  };
}

/** @throws EntryExists, from the edit */
export function addEntry(entry: PeerEntry): PeersEdit {
  return (entries) => {
    if (entries.some(({ id }) => id === entry.id))
      throw new EntryExists(`there is a peer ${JSON.stringify(entry.id)} already`);
    return [...entries, entry];
  };
}

/** @throws NoSuchEntry, and whatever `change` throws, from the edit */
export function changeEntry(id: string, change: (entry: PeerEntry) => PeerEntry): PeersEdit {
  return (entries) => {
    entryOf(entries, id);
    return entries.map((entry) => (entry.id === id ? change(entry) : entry));
  };
}

/** @throws NoSuchEntry, from the edit */
export function removeEntry(id: string): PeersEdit {
  return (entries) => {
    entryOf(entries, id);
    return entries.filter((entry) => entry.id !== id);
  };
}

/** The members given replace those that stand; `null` takes one away. */
export function withMembers(entry: PeerEntry, members: Readonly<Record<string, unknown>>): PeerEntry {
  const kept = Object.entries({ ...entry, ...members }).filter(([, value]) => value !== null);
  return Object.fromEntries(kept) as PeerEntry;
}

/** The entry without its token. @throws NoSuchEntry when it has none */
export function withoutToken(entry: PeerEntry): PeerEntry {
  const { tokenHash, ...rest } = entry;
  if (tokenHash === undefined) throw new NoSuchEntry(`${entry.id} has no token`);
  return rest as PeerEntry;
}
