/**
 * What the host tells of a file, as SFTP says it; and what SFTP asks, done to a file.
 *
 * @module
 */

import type { BigIntStatsFs, Stats } from 'node:fs';
import { chmod, chown, lchown, lutimes, statfs, truncate, utimes } from 'node:fs/promises';
import type { Attributes, FileSystemStatistics } from '../codec/index.ts';
import { denied, unsupported } from '../session/status.ts';

export function attributesOf({ size, uid, gid, mode, atimeMs, mtimeMs }: Stats): Attributes {
  return {
    size: BigInt(size),
    owner: { uid, gid },
    permissions: mode,
    times: { atime: seconds(atimeMs), mtime: seconds(mtimeMs) },
  };
}

/** Seconds in the 32 bits that there are: what is before 1970 is 1970. */
function seconds(milliseconds: number): number {
  return Math.min(Math.max(Math.floor(milliseconds / 1000), 0), 0xffffffff);
}

/** How a file is changed; each by the descriptor, or by a path that only its descriptor resolves. */
export interface Setters {
  size(size: number): Promise<void>;
  permissions(mode: number): Promise<void>;
  times(atime: number, mtime: number): Promise<void>;
  owner(uid: number, gid: number): Promise<void>;
}

/** By an anchor's path. A link itself has no size and no permissions. */
export const settersByPath = (path: Buffer): Setters => ({
  size: (size) => truncate(path, size),
  permissions: (mode) => chmod(path, mode),
  times: (atime, mtime) => utimes(path, atime, mtime),
  owner: (uid, gid) => chown(path, uid, gid),
});

/** Of the entry of a held directory, which is a link. */
export const settersOfLink = (path: Buffer): Setters => ({
  size: () => Promise.reject(unsupported()),
  permissions: () => Promise.reject(unsupported()),
  times: (atime, mtime) => lutimes(path, atime, mtime),
  owner: (uid, gid) => lchown(path, uid, gid),
});

/** @throws StatusError when the owner would change and must not */
export async function applyAttributes(
  { size, owner, permissions, times }: Attributes,
  present: Stats,
  allowOwner: boolean,
  set: Setters,
): Promise<void> {
  const isOther = owner !== undefined && (owner.uid !== present.uid || owner.gid !== present.gid);
  if (isOther && !allowOwner) throw denied();
  if (size !== undefined) await set.size(Number(size));
  if (owner !== undefined && isOther) await set.owner(owner.uid, owner.gid);
  // Set-id and sticky bits are never set.
  if (permissions !== undefined) await set.permissions(permissions & 0o777);
  if (times !== undefined) await set.times(times.atime, times.mtime);
}

/** Of the file system that holds what the path leads to. */
export async function statisticsAt(path: Buffer, isReadOnly: boolean): Promise<FileSystemStatistics> {
  const found: BigIntStatsFs = await statfs(path, { bigint: true });
  const { bsize, blocks, bfree, bavail, files, ffree } = found;
  return {
    bsize,
    frsize: bsize,
    blocks,
    bfree,
    bavail,
    files,
    ffree,
    favail: ffree,
    fsid: 0n,
    flag: isReadOnly ? 3n : 2n,
    namemax: 255n,
  };
}
