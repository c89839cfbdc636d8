/**
 * `peers.json`: the store of record for who may come in. Read, and changed in one way by commands and operations.
 * `docs/spec/identity.md` 4.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock, writeSecretFile } from '../vault/index.ts';
import { type PeerEntry, parsePeers, PeersFormatError } from './peer-entry.ts';

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
  const bytes = await readBytes(peersPath(dataDir));
  if (bytes === undefined) return { entries: [], revision: '' };
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new PeersFormatError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { entries: parsePeers(value, maxPeers), revision: revisionOf(bytes) };
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
  return await withLock(`${path}.lock`, async () => {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { entries, revision } = await readPeers(dataDir, maxPeers);
      if (ifRevision !== undefined && ifRevision !== revision) {
        throw new RevisionMismatch(`peers.json is at revision ${revision || '(no file)'}, not at ${ifRevision}; read it again`);
      }
      const peers = parsePeers({ format: 'alknet-peers', version: 1, peers: edit(entries) }, maxPeers);
      const text = `${JSON.stringify({ format: 'alknet-peers', version: 1, peers }, null, 2)}\n`;
      const now = await readBytes(path);
      if ((now === undefined ? '' : revisionOf(now)) !== revision) continue;
      await writeSecretFile(path, text);
      return revisionOf(Buffer.from(text));
    }
    throw new PeersBusy('peers.json changes all the time; try again');
  });
}
