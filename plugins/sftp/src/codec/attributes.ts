/**
 * ATTRS: what is told of a file, or asked to be changed. `docs/spec/sftp.md` 3.
 *
 * @module
 */

import { MalformedPacket, type Reader, type Writer } from './bytes.ts';
import { AttributeFlag } from './numbers.ts';

/** An absent member is not told, or not to be changed. Members come and go in the pairs of the wire. */
export interface Attributes {
  readonly size?: bigint;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** File type and mode bits, as in `st_mode`. */
  readonly permissions?: number;
  /** Seconds since 1970, 32 bits. */
  readonly times?: { readonly atime: number; readonly mtime: number };
  /** Read and ignored by the server. */
  readonly extended?: readonly (readonly [name: Buffer, data: Buffer])[];
}

const { SIZE, OWNER, PERMISSIONS, TIMES, EXTENDED } = AttributeFlag;

export function readAttributes(from: Reader): Attributes {
  const flags = from.u32();
  const unknown = flags & ~(SIZE | OWNER | PERMISSIONS | TIMES | EXTENDED);
  if (unknown !== 0) throw new MalformedPacket(`unknown attribute flags 0x${(unknown >>> 0).toString(16)}`);
  // The order of evaluation is that of the wire.
  return {
    ...((flags & SIZE) !== 0 && { size: from.u64() }),
    ...((flags & OWNER) !== 0 && { owner: { uid: from.u32(), gid: from.u32() } }),
    ...((flags & PERMISSIONS) !== 0 && { permissions: from.u32() }),
    ...((flags & TIMES) !== 0 && { times: { atime: from.u32(), mtime: from.u32() } }),
    ...((flags & EXTENDED) !== 0 && { extended: readPairs(from) }),
  };
}

function readPairs(from: Reader): (readonly [Buffer, Buffer])[] {
  const count = from.u32();
  // Two lengths make 8 bytes at the least: a count beyond that is not worth a loop.
  if (count > from.left / 8) throw new MalformedPacket(`${count} extended attributes in ${from.left} bytes`);
  return Array.from({ length: count }, () => [from.string(), from.string()] as const);
}

export function writeAttributes(to: Writer, attributes: Attributes): void {
  const { size, owner, permissions, times, extended } = attributes;
  let flags = 0;
  if (size !== undefined) flags |= SIZE;
  if (owner !== undefined) flags |= OWNER;
  if (permissions !== undefined) flags |= PERMISSIONS;
  if (times !== undefined) flags |= TIMES;
  if (extended !== undefined) flags |= EXTENDED;
  to.u32(flags >>> 0);
  if (size !== undefined) to.u64(size);
  if (owner !== undefined) {
    to.u32(owner.uid);
    to.u32(owner.gid);
  }
  if (permissions !== undefined) to.u32(permissions);
  if (times !== undefined) {
    to.u32(times.atime);
    to.u32(times.mtime);
  }
  if (extended !== undefined) {
    to.u32(extended.length);
    for (const [name, data] of extended) {
      to.string(name);
      to.string(data);
    }
  }
}
