/**
 * Changes of `peers.json` by commands: written, then in use by the running node, or undone. `docs/spec/cli.md` 2.
 *
 * @module
 */

import { parseDuration } from '@alknet/sdk/units';
import { changePeers, type PeerEntry, readPeers } from '../identity/index.ts';
import type { Context } from './context.ts';
import { CliError, Exit, usage } from './exit.ts';
import { changeRemotePeers, readRemotePeers } from './peers-remote.ts';

/** Milliseconds that the running node has to take a change. */
const patience = 5_000;
const look = 20;

export type Edit = (entries: readonly PeerEntry[]) => readonly PeerEntry[];

/** The entries of this node, or of that of `--node`. */
export async function entriesOf(context: Context): Promise<readonly PeerEntry[]> {
  if (context.value('node') === undefined) return (await readPeers(await context.dataDir())).entries;
  const { entries } = await context.overSession((session) => readRemotePeers(session, context.callOptions));
  return entries;
}

/** @throws CliError exit 3 when the node refuses it; the old content is restored then */
export async function changeAndWait(context: Context, edit: Edit): Promise<void> {
  if (context.value('node') !== undefined) {
    await context.overSession((session) => changeRemotePeers(session, edit, context.callOptions));
    return;
  }
  const dataDir = await context.dataDir();
  const before = await readPeers(dataDir);
  const revision = await changePeers(dataDir, edit);
  if ((await context.runningNode()) === undefined) {
    context.out.hint('the node is not running; the change is in use when it starts');
    return;
  }
  const until = Date.now() + patience;
  for (;;) {
    const node = await context.runningNode();
    if (node === undefined || node.peersRevision === revision) return;
    // Somebody changed it after us, on top of our change: the node may never have seen ours alone.
    const onDisk = await readPeers(dataDir).catch(() => undefined);
    if (node.peersRevision === onDisk?.revision) return;
    if (node.peersError !== undefined || Date.now() > until) {
      // Only our own change is ours to undo.
      if (onDisk?.revision === revision)
        await changePeers(dataDir, () => before.entries, { ifRevision: revision });
      throw new CliError(
        Exit.CONFIG,
        `the running node did not take the change: ${node.peersError ?? 'no answer within 5 s'}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, look));
  }
}

/** @throws CliError exit 7 */
export function existing(entries: readonly PeerEntry[], id: string): PeerEntry {
  const entry = entries.find((candidate) => candidate.id === id);
  if (entry === undefined)
    throw new CliError(Exit.NOT_FOUND, `there is no peer ${id}`, {
      code: 'PEER_NOT_FOUND',
      hint: 'alknet peer list',
    });
  return entry;
}

export function replaced(
  entries: readonly PeerEntry[],
  id: string,
  change: (entry: PeerEntry) => PeerEntry,
): PeerEntry[] {
  existing(entries, id);
  return entries.map((entry) => (entry.id === id ? change(entry) : entry));
}

/** A time, or a span from now such as `90d`. @throws CliError exit 2 */
export function parseWhen(text: string): string {
  const span = parseDuration(text);
  const time = new Date(span === undefined ? text : Date.now() + span);
  if (Number.isNaN(time.getTime()))
    throw usage(
      `expected a time such as 2027-01-31T12:00:00Z or a span such as 90d, found ${JSON.stringify(text)}`,
    );
  return time.toISOString();
}
