/**
 * What `host/peers/*` and `host/tokens/*` share: the guard of the revision, their errors, and the edit of `peers.json`
 * that answers when it is in use. `docs/spec/registry.md` 15, `docs/spec/identity.md` 4.
 *
 * @module
 */

import { CallError, type DeclaredError, Type } from '@alknet/sdk';
import {
  EntryExists,
  NoSuchEntry,
  PeersBusy,
  type PeersEdit,
  PeersFormatError,
  RevisionMismatch,
} from '../identity/index.ts';
import type { NodePeers } from '../node/peers.ts';
import { optional } from './parts.ts';

/** Member of the input of every change. */
export const ifRevision = optional(
  Type.String({ description: 'change nothing unless peers.json is at this revision' }),
);

/** What any change of the file may meet. */
export const changeErrors: readonly DeclaredError[] = [
  { code: 'REVISION_MISMATCH', httpStatus: 412 },
  { code: 'PEERS_BUSY', httpStatus: 409 },
];

/** How one operation calls what the file refuses. */
export interface ChangeCodes {
  readonly missing: string;
  readonly invalid: string;
}

/** The revision of the file that has the change, when it is in use. @throws CallError */
export async function changePeersFile(
  peers: NodePeers,
  edit: PeersEdit,
  expected: string | undefined,
  { missing, invalid }: ChangeCodes,
): Promise<string> {
  try {
    return await peers.change(edit, expected);
  } catch (error) {
    if (error instanceof NoSuchEntry) throw new CallError(missing, error.message);
    if (error instanceof EntryExists) throw new CallError('PEER_EXISTS', error.message);
    if (error instanceof RevisionMismatch) throw new CallError('REVISION_MISMATCH', error.message);
    if (error instanceof PeersBusy) throw new CallError('PEERS_BUSY', error.message);
    if (error instanceof PeersFormatError) throw new CallError(invalid, error.message);
    throw error;
  }
}
