/**
 * The data of extended requests and replies. `docs/spec/sftp.md` 6.
 *
 * @module
 */

import { type Attributes, readAttributes, writeAttributes } from './attributes.ts';
import { Reader, Writer } from './bytes.ts';

/** Name and what stands beside it in VERSION. */
export const offeredExtensions = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['fstatvfs@openssh.com', '2'],
  ['hardlink@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
  ['limits@openssh.com', '1'],
  ['expand-path@openssh.com', '1'],
  ['home-directory', '1'],
  ['users-groups-by-id@openssh.com', '1'],
  ['copy-data', '1'],
] as const;

export type ExtensionName = (typeof offeredExtensions)[number][0];

const known = new Set<string>(offeredExtensions.map(([name]) => name));

export function isExtension(name: string): name is ExtensionName {
  return known.has(name);
}

function whole<Value>(data: Buffer, read: (from: Reader) => Value): Value {
  const from = new Reader(data);
  const value = read(from);
  from.end();
  return value;
}

function made(write: (to: Writer) => void): Buffer {
  const to = new Writer();
  write(to);
  return to.bytes();
}

/** Of `limits@openssh.com`, which has none. @throws MalformedPacket, as all that follow */
export const readNothing = (data: Buffer): void => whole(data, () => {});

export const readString = (data: Buffer): Buffer => whole(data, (from) => from.string());
export const writeString = (value: Buffer): Buffer => made((to) => to.string(value));

export const readTwoStrings = (data: Buffer): [Buffer, Buffer] =>
  whole(data, (from) => [from.string(), from.string()]);
export const writeTwoStrings = (first: Buffer, second: Buffer): Buffer =>
  made((to) => {
    to.string(first);
    to.string(second);
  });

export const readPathAttributes = (data: Buffer): { path: Buffer; attributes: Attributes } =>
  whole(data, (from) => ({ path: from.string(), attributes: readAttributes(from) }));
export const writePathAttributes = (path: Buffer, attributes: Attributes): Buffer =>
  made((to) => {
    to.string(path);
    writeAttributes(to, attributes);
  });

export interface CopyData {
  readonly from: Buffer;
  readonly offset: bigint;
  /** 0: to the end. */
  readonly length: bigint;
  readonly to: Buffer;
  readonly toOffset: bigint;
}

export const readCopyData = (data: Buffer): CopyData =>
  whole(data, (from) => ({
    from: from.string(),
    offset: from.u64(),
    length: from.u64(),
    to: from.string(),
    toOffset: from.u64(),
  }));
export const writeCopyData = (copy: CopyData): Buffer =>
  made((to) => {
    to.string(copy.from);
    to.u64(copy.offset);
    to.u64(copy.length);
    to.string(copy.to);
    to.u64(copy.toOffset);
  });

/** Members in the order of the wire; all in the units of statvfs(3). */
export interface FileSystemStatistics {
  readonly bsize: bigint;
  readonly frsize: bigint;
  readonly blocks: bigint;
  readonly bfree: bigint;
  readonly bavail: bigint;
  readonly files: bigint;
  readonly ffree: bigint;
  readonly favail: bigint;
  readonly fsid: bigint;
  /** 1: read-only; 2: set-id bits have no effect. */
  readonly flag: bigint;
  readonly namemax: bigint;
}

export const writeStatistics = (of: FileSystemStatistics): Buffer =>
  made((to) => {
    const { bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag, namemax } = of;
    const numbers = [bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag, namemax];
    for (const each of numbers) to.u64(each);
  });

/** Bytes, and a count; 0: no limit that the server tells. */
export interface Limits {
  readonly maxPacket: bigint;
  readonly maxRead: bigint;
  readonly maxWrite: bigint;
  readonly maxHandles: bigint;
}

export const readLimits = (data: Buffer): Limits =>
  whole(data, (from) => ({
    maxPacket: from.u64(),
    maxRead: from.u64(),
    maxWrite: from.u64(),
    maxHandles: from.u64(),
  }));
export const writeLimits = ({ maxPacket, maxRead, maxWrite, maxHandles }: Limits): Buffer =>
  made((to) => {
    for (const each of [maxPacket, maxRead, maxWrite, maxHandles]) to.u64(each);
  });

/** How many u32 ids each of the two strings of `users-groups-by-id@openssh.com` holds. */
export const readIdCounts = (data: Buffer): [users: number, groups: number] => {
  const count = (ids: Buffer) => {
    const from = new Reader(ids);
    let n = 0;
    for (; from.left > 0; n++) from.u32();
    return n;
  };
  const [users, groups] = readTwoStrings(data);
  return [count(users), count(groups)];
};
/** So many empty names in each. */
export const writeEmptyNames = (users: number, groups: number): Buffer =>
  writeTwoStrings(Buffer.alloc(4 * users), Buffer.alloc(4 * groups));
