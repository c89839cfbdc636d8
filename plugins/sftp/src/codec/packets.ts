/**
 * The 27 packets of SFTP version 3, each as a list of fields: the table of `docs/spec/sftp.md` 3. Reading and writing both
 * follow it, so they cannot differ.
 *
 * @module
 */

import { type Attributes, readAttributes, writeAttributes } from './attributes.ts';
import { MalformedPacket, Reader, Writer } from './bytes.ts';
import { maxHandle, PacketType } from './numbers.ts';

interface Field<Value> {
  read(from: Reader): Value;
  write(to: Writer, value: Value): void;
}

const u32: Field<number> = { read: (from) => from.u32(), write: (to, value) => to.u32(value) };
const u64: Field<bigint> = { read: (from) => from.u64(), write: (to, value) => to.u64(value) };
const string: Field<Buffer> = { read: (from) => from.string(), write: (to, value) => to.string(value) };
const rest: Field<Buffer> = { read: (from) => from.rest(), write: (to, value) => to.raw(value) };
const attributes: Field<Attributes> = { read: readAttributes, write: writeAttributes };

const handle: Field<Buffer> = {
  read(from) {
    const bytes = from.string();
    if (bytes.length > maxHandle)
      throw new MalformedPacket(`a handle of ${bytes.length} bytes, over ${maxHandle}`);
    return bytes;
  },
  write: (to, value) => to.string(value),
};

/** What INIT and VERSION offer beyond the version. */
type ExtensionPair = readonly [name: Buffer, data: Buffer];

const pairs: Field<readonly ExtensionPair[]> = {
  read(from) {
    const found: ExtensionPair[] = [];
    while (from.left > 0) found.push([from.string(), from.string()]);
    return found;
  },
  write(to, value) {
    for (const [name, data] of value) {
      to.string(name);
      to.string(data);
    }
  },
};

export interface Name {
  readonly name: Buffer;
  /** As `ls -l` prints it. */
  readonly longName: Buffer;
  readonly attributes: Attributes;
}

const names: Field<readonly Name[]> = {
  read(from) {
    const count = from.u32();
    // Two lengths and the flags make 12 bytes at the least.
    if (count > from.left / 12) throw new MalformedPacket(`${count} names in ${from.left} bytes`);
    return Array.from({ length: count }, () => ({
      name: from.string(),
      longName: from.string(),
      attributes: readAttributes(from),
    }));
  },
  write(to, value) {
    to.u32(value.length);
    for (const each of value) {
      to.string(each.name);
      to.string(each.longName);
      writeAttributes(to, each.attributes);
    }
  },
};

const id = u32;
const path = string;

const layouts = {
  [PacketType.INIT]: { version: u32, extensions: pairs },
  [PacketType.VERSION]: { version: u32, extensions: pairs },
  [PacketType.OPEN]: { id, path, flags: u32, attributes },
  [PacketType.CLOSE]: { id, handle },
  [PacketType.READ]: { id, handle, offset: u64, length: u32 },
  [PacketType.WRITE]: { id, handle, offset: u64, data: string },
  [PacketType.LSTAT]: { id, path },
  [PacketType.FSTAT]: { id, handle },
  [PacketType.SETSTAT]: { id, path, attributes },
  [PacketType.FSETSTAT]: { id, handle, attributes },
  [PacketType.OPENDIR]: { id, path },
  [PacketType.READDIR]: { id, handle },
  [PacketType.REMOVE]: { id, path },
  [PacketType.MKDIR]: { id, path, attributes },
  [PacketType.RMDIR]: { id, path },
  [PacketType.REALPATH]: { id, path },
  [PacketType.STAT]: { id, path },
  [PacketType.RENAME]: { id, oldPath: path, newPath: path },
  [PacketType.READLINK]: { id, path },
  // OpenSSH's order, not the draft's: every server and client of today has it.
  [PacketType.SYMLINK]: { id, target: path, linkPath: path },
  [PacketType.STATUS]: { id, code: u32, message: string, language: string },
  [PacketType.HANDLE]: { id, handle },
  [PacketType.DATA]: { id, data: string },
  [PacketType.NAME]: { id, names },
  [PacketType.ATTRS]: { id, attributes },
  [PacketType.EXTENDED]: { id, request: string, data: rest },
  [PacketType.EXTENDED_REPLY]: { id, data: rest },
} as const;

type Layouts = typeof layouts;
type ValueOf<Of> = Of extends Field<infer Value> ? Value : never;

/** The packet of a type: `PacketOf<typeof PacketType.READ>` is `{ type, id, handle, offset, length }`. */
export type PacketOf<Type extends keyof Layouts> = { readonly type: Type } & {
  readonly [Name in keyof Layouts[Type]]: ValueOf<Layouts[Type][Name]>;
};

export type Packet = { [Type in keyof Layouts]: PacketOf<Type> }[keyof Layouts];

const fieldsByType = new Map<number, readonly (readonly [string, Field<unknown>])[]>(
  Object.entries(layouts).map(([type, layout]) => [Number(type), Object.entries<Field<unknown>>(layout)]),
);

/** A packet whose type nobody knows; it can still be answered. */
export interface UnknownPacket {
  readonly type: 'unknown';
  readonly id: number;
}

/**
 * Takes the type and body of one frame apart. Strings are views of it.
 * @throws MalformedPacket, with the id if there is one
 */
export function decodePacket(body: Buffer): Packet | UnknownPacket {
  const from = new Reader(body);
  const type = from.u8();
  const fields = fieldsByType.get(type);
  if (fields === undefined) return { type: 'unknown', id: from.u32() };
  const packet: Record<string, unknown> = { type };
  try {
    for (const [name, field] of fields) packet[name] = field.read(from);
    from.end();
  } catch (error) {
    if (error instanceof MalformedPacket && typeof packet['id'] === 'number') error.id = packet['id'];
    throw error;
  }
  return fitted(packet);
}

/** The one place where the types of the table and what was read by it meet. */
function fitted(packet: Record<string, unknown>): Packet {
  return packet as unknown as Packet;
}

/** The whole frame, length included. */
export function encodePacket(packet: Packet): Buffer {
  const to = new Writer();
  to.u32(0);
  to.u8(packet.type);
  const values: Readonly<Record<string, unknown>> = { ...packet };
  for (const [name, field] of fieldsByType.get(packet.type) ?? []) field.write(to, values[name]);
  const frame = to.bytes();
  frame.writeUInt32BE(frame.length - 4);
  return frame;
}
