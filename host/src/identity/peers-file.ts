/**
 * `peers.json`: the store of record for who may come in. Read, and changed in one way by commands and operations.
 * `docs/spec/identity.md` 4.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSecretFile } from '../vault/files.ts';
import { LockBusy, withLock } from '../vault/lock-file.ts';
import { type PeerEntry, PeersFormatError, parsePeers } from './peer-entry.ts';

export const peersPath = (dataDir: string) => join(dataDir, 'peers.json');

export const defaultMaxPeers = 100_000;
const attempts = 3;

export interface PeersFile {
  readonly entries: readonly PeerEntry[];
  /** First 12 hex digits of SHA-256 over the bytes; empty when there is no file. */
  readonly revision: string;
}

/** No file: nobody is authorised. @throws PeersFormatError */
export async function readPeers(dataDir: string, maxPeers: number = defaultMaxPeers): Promise<PeersFile> {
  const { entries, revision } = await readDocument(dataDir, maxPeers);
  return { entries, revision };
}

interface Document extends PeersFile {
  /** Members beside the entries, those that alknet does not know included. */
  readonly members: Readonly<Record<string, unknown>>;
}

async function readDocument(dataDir: string, maxPeers: number): Promise<Document> {
  const bytes = await readBytes(peersPath(dataDir));
  if (bytes === undefined) {
    return { entries: [], revision: '', members: { format: 'alknet-peers', version: 1 } };
  }
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new PeersFormatError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const entries = parsePeers(value, maxPeers);
  return { entries, revision: revisionOf(bytes), members: value as Record<string, unknown> };
}

async function readBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function revisionOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}

/** Another writer came between, again and again. */
export class PeersBusy extends Error {
  override readonly name = 'PeersBusy';
}

/** The file is not at the revision that the caller expected; nothing has changed. */
export class RevisionMismatch extends Error {
  override readonly name = 'RevisionMismatch';
}

/**
 * Takes the lock, reads, lets `edit` make the new list, checks it whole, and writes it if the file is still the one that
 * was read. Members of entries that alknet does not know stay.
 *
 * @returns the new revision
 * @throws PeersFormatError, RevisionMismatch, PeersBusy, and whatever `edit` throws
 */
export async function changePeers(
  dataDir: string,
  edit: (entries: readonly PeerEntry[]) => readonly PeerEntry[],
  { ifRevision, maxPeers = defaultMaxPeers }: { ifRevision?: string; maxPeers?: number } = {},
): Promise<string> {
  const path = peersPath(dataDir);
  try {
    return await withLock(`${path}.lock`, async () => {
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const { entries, revision, members } = await readDocument(dataDir, maxPeers);
        if (ifRevision !== undefined && ifRevision !== revision) {
          throw new RevisionMismatch(
            `peers.json is at revision ${revision || '(no file)'}, not at ${ifRevision || '(no file)'}; read it again`,
          );
        }
        const peers = parsePeers({ ...members, peers: edit(entries) }, maxPeers);
        const text = `${JSON.stringify({ ...members, peers }, null, 2)}\n`;
        const now = await readBytes(path);
        // Somebody edits by hand, without the lock.
        if ((now === undefined ? '' : revisionOf(now)) !== revision) continue;
        await writeSecretFile(path, text);
        return revisionOf(Buffer.from(text));
      }
      throw new PeersBusy('peers.json changes all the time; try again');
    });
  } catch (error) {
    if (error instanceof LockBusy) throw new PeersBusy(error.message);
    throw error;
  }
}
