/**
 * The peers of another node: read whole, changed by the operations that lead from what is there to what is wanted, so
 * that a command is the same for both. A token never travels, only its hash. `docs/spec/cli.md` 2, `docs/spec/registry.md` 15.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import type { Session } from '@alknet/sdk/call';
import type { PeerEntry } from '../identity/index.ts';
import { type CallOptions, pages } from './pages.ts';

/** Stands for the hash of a token that the other node does not tell. */
export const hashHeldThere = 'held by that node';

export interface RemotePeers {
  readonly entries: readonly PeerEntry[];
  readonly revision: string;
}

export async function readRemotePeers(session: Session, options: CallOptions): Promise<RemotePeers> {
  const withToken = new Set<string>();
  for await (const { tokens } of pages<{ tokens: { id: string }[] }>(session, 'host/tokens/list', options))
    for (const { id } of tokens) withToken.add(id);
  const entries: PeerEntry[] = [];
  let revision = '';
  for await (const page of pages<{ peers: Shown[]; revision: string }>(session, 'host/peers/list', options)) {
    revision = page.revision;
    for (const { online: _online, connections: _connections, token: _token, ...entry } of page.peers)
      entries.push({ ...entry, ...(withToken.has(entry.id) ? { tokenHash: hashHeldThere } : {}) });
  }
  return { entries, revision };
}

type Shown = PeerEntry & { readonly online: boolean; readonly connections: number; readonly token?: boolean };

/** Each step names the revision that the one before it made: a change by another comes between none of them. */
export async function changeRemotePeers(
  session: Session,
  edit: (entries: readonly PeerEntry[]) => readonly PeerEntry[],
  options: CallOptions,
): Promise<void> {
  const { entries, revision } = await readRemotePeers(session, options);
  let ifRevision = revision;
  for (const { operation, input } of stepsBetween(entries, edit(entries))) {
    const answer = await session.call(operation, { ...input, ifRevision }, options);
    ifRevision = (answer as { revision: string }).revision;
  }
}

export interface Step {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Pure. */
export function stepsBetween(before: readonly PeerEntry[], after: readonly PeerEntry[]): Step[] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const kept = new Set(after.map(({ id }) => id));
  return [
    ...after.flatMap((entry) => {
      const known = old.get(entry.id);
      return known === undefined ? additions(entry) : changes(known, entry);
    }),
    ...before
      .filter(({ id }) => !kept.has(id))
      .map(({ id }) => ({ operation: 'host/peers/remove', input: { id } })),
  ];
}

function additions({ tokenHash, createdAt: _set, ...entry }: PeerEntry): Step[] {
  return [
    { operation: 'host/peers/add', input: entry },
    ...(tokenHash === undefined
      ? []
      : [{ operation: 'host/tokens/create', input: { id: entry.id, tokenHash } }]),
  ];
}

function changes(before: PeerEntry, after: PeerEntry): Step[] {
  const { id, enabled, tokenHash } = after;
  const own = new Set(['id', 'tokenHash', 'createdAt', 'enabled']);
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (member) => !own.has(member) && !isDeepStrictEqual(before[member], after[member]),
  );
  const steps: Step[] = [];
  if (members.length > 0) {
    const change = Object.fromEntries(members.map((member) => [member, after[member] ?? null]));
    steps.push({ operation: 'host/peers/set', input: { id, change } });
  }
  if (before.enabled !== enabled)
    steps.push({ operation: `host/peers/${enabled ? 'enable' : 'disable'}`, input: { id } });
  if (before.tokenHash !== tokenHash)
    steps.push(
      tokenHash === undefined
        ? { operation: 'host/tokens/revoke', input: { id } }
        : { operation: 'host/tokens/create', input: { id, tokenHash } },
    );
  return steps;
}
