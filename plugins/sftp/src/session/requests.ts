/**
 * Requests to results: what each does, and in which order. `docs/spec/sftp.md` 4.
 *
 * @module
 */

import {
  type Attributes,
  encodePacket,
  type FileSystemStatistics,
  maxData,
  OpenFlag,
  type Packet,
  type PacketOf,
  PacketType,
} from '../codec/index.ts';
import { answerExtension } from './extended.ts';
import type { FileSystem, OpenFile, OpenMode } from './file-system.ts';
import { type Handle, HandleTable } from './handles.ts';
import { longName } from './long-name.ts';
import { textualPath } from './paths.ts';
import { DataReply, nameReply, okReply, pathReply } from './replies.ts';
import { badMessage, endOfFile, failure, unsupported } from './status.ts';
import { type Share, Turns } from './turns.ts';

const largestNumber = BigInt(Number.MAX_SAFE_INTEGER);
/** Names in one answer to READDIR. */
const namesAtOnce = 128;
const defaultPermissions = 0o666;
const defaultDirectoryPermissions = 0o777;

/** Why a request is given up: nobody waits for its answer any more. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned';
}

export interface RequestLimits {
  readonly maxPacket: number;
  readonly maxHandles: number;
}

export class Requests {
  readonly files: FileSystem;
  readonly limits: RequestLimits;
  readonly handles: HandleTable;
  /** Of data, for the log. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Changes of the tree go one at a time; what only looks at it goes together. */
  readonly #tree = new Turns();
  #abandoned = false;

  constructor(files: FileSystem, limits: RequestLimits) {
    this.files = files;
    this.limits = limits;
    this.handles = new HandleTable(limits.maxHandles);
  }

  /** The frame that answers. Its turns are taken before this returns, so calls in order of arrival keep that order. */
  answer(packet: Exclude<Packet, { version: number }>): Promise<Buffer> {
    switch (packet.type) {
      case PacketType.OPEN:
        return this.#open(packet);
      case PacketType.CLOSE:
        return this.#close(packet);
      case PacketType.READ:
        return this.#read(packet);
      case PacketType.WRITE:
        return this.#write(packet);
      case PacketType.FSTAT:
        return this.#attributesOfHandle(packet);
      case PacketType.FSETSTAT:
        return this.#setAttributes(packet);
      case PacketType.OPENDIR:
        return this.#openDirectory(packet);
      case PacketType.READDIR:
        return this.#readDirectory(packet);
      case PacketType.LSTAT:
      case PacketType.STAT:
        return this.look(async () => {
          const attributes = await this.files.attributes(packet.path, packet.type === PacketType.STAT);
          return encodePacket({ type: PacketType.ATTRS, id: packet.id, attributes });
        });
      case PacketType.REALPATH:
        return this.look(async () => pathReply(packet.id, textualPath(packet.path, this.files.start)));
      case PacketType.READLINK:
        return this.look(async () => pathReply(packet.id, await this.files.readLink(packet.path)));
      case PacketType.SETSTAT:
        return this.changeTree(packet.id, () =>
          this.files.setAttributes(packet.path, checked(packet.attributes), true),
        );
      case PacketType.REMOVE:
        return this.changeTree(packet.id, () => this.files.remove(packet.path));
      case PacketType.MKDIR: {
        const permissions = packet.attributes.permissions ?? defaultDirectoryPermissions;
        return this.changeTree(packet.id, () => this.files.makeDirectory(packet.path, permissions & 0o777));
      }
      case PacketType.RMDIR:
        return this.changeTree(packet.id, () => this.files.removeDirectory(packet.path));
      case PacketType.RENAME:
        return this.changeTree(packet.id, () => this.files.rename(packet.oldPath, packet.newPath, false));
      case PacketType.SYMLINK:
        return this.changeTree(packet.id, () => this.files.makeLink(packet.target, packet.linkPath));
      case PacketType.EXTENDED:
        return answerExtension(this, packet);
      default:
        // An answer is no request.
        throw unsupported();
    }
  }

  /** Gives up what waits for its turn, and closes what is open when the work on it has ended. */
  async end(): Promise<void> {
    this.#abandoned = true;
    // Alone: whatever is being opened or closed has come to its end then.
    await inTurn([this.#tree], 'alone', async () => {
      await Promise.allSettled(this.handles.takeAll().map(closeAfterWork));
      await this.files.close();
    });
  }

  get isAbandoned(): boolean {
    return this.#abandoned;
  }

  /** Looks at the tree, after every earlier change of it. */
  look<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn([this.#tree], 'together', work);
  }

  /** Changes the tree, after every earlier change and CLOSE. */
  async changeTree(id: number, work: () => Promise<void>): Promise<Buffer> {
    await this.#inTurn([this.#tree], 'alone', work);
    return okReply(id);
  }

  /** Changes files, after everything earlier on their handles. */
  async change(handles: readonly Handle[], id: number, work: () => Promise<void>): Promise<Buffer> {
    await this.#inTurn([...new Set(handles.map(({ turns }) => turns))], 'alone', work);
    return okReply(id);
  }

  /** Looks at what a handle holds, after every earlier change by it. */
  lookAt<Result>({ turns }: Handle, work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn([turns], 'together', work);
  }

  #inTurn<Result>(turns: readonly Turns[], share: Share, work: () => Promise<Result>): Promise<Result> {
    return inTurn(turns, share, () => {
      if (this.#abandoned) throw new Abandoned();
      return work();
    });
  }

  #open({ id, path, flags, attributes }: PacketOf<typeof PacketType.OPEN>): Promise<Buffer> {
    const mode = openMode(flags, attributes);
    this.handles.reserve();
    const share = mode.create || mode.truncate ? 'alone' : 'together';
    return this.#opened(
      id,
      this.#inTurn([this.#tree], share, async () => this.handles.addFile(await this.files.open(path, mode))),
    );
  }

  #openDirectory({ id, path }: PacketOf<typeof PacketType.OPENDIR>): Promise<Buffer> {
    this.handles.reserve();
    return this.#opened(
      id,
      this.look(async () => this.handles.addDirectory(await this.files.openDirectory(path))),
    );
  }

  async #opened(id: number, name: Promise<Buffer>): Promise<Buffer> {
    try {
      return encodePacket({ type: PacketType.HANDLE, id, handle: await name });
    } finally {
      this.handles.release();
    }
  }

  async #close({ id, handle }: PacketOf<typeof PacketType.CLOSE>): Promise<Buffer> {
    const taken = this.handles.take(handle);
    // Later changes of the tree come after it. Also at the end of the session: what was taken must be closed.
    await inTurn([this.#tree], 'together', () => closeAfterWork(taken));
    return okReply(id);
  }

  #read({ id, handle, offset, length }: PacketOf<typeof PacketType.READ>): Promise<Buffer> {
    const open = this.handles.file(handle);
    const position = numberOf(offset);
    return this.lookAt(open, () => this.#readNow(open.resource, id, position, Math.min(length, maxData)));
  }

  async #readNow(file: OpenFile, id: number, position: number, wanted: number): Promise<Buffer> {
    // Many clients ask for 255 KiB of a file of ten bytes: memory is taken for what is probably there.
    const expected = Math.min(wanted, file.expect(position));
    let reply = new DataReply(expected);
    let length = await file.read(reply.room, position);
    if (length === expected && expected < wanted) {
      const larger = new DataReply(wanted);
      reply.room.copy(larger.room);
      reply = larger;
      length += await file.read(larger.room.subarray(expected), position + expected);
    }
    if (length === 0 && wanted > 0) throw endOfFile();
    this.bytesRead += length;
    return reply.finish(id, length);
  }

  #write({ id, handle, offset, data }: PacketOf<typeof PacketType.WRITE>): Promise<Buffer> {
    const open = this.handles.file(handle);
    if (data.length > maxData) throw badMessage();
    const position = numberOf(offset);
    // The end too: a file that nobody can read back by offset is no use.
    numberOf(offset + BigInt(data.length));
    return this.change([open], id, async () => {
      await open.resource.write(data, position);
      this.bytesWritten += data.length;
    });
  }

  #setAttributes({ id, handle, attributes }: PacketOf<typeof PacketType.FSETSTAT>): Promise<Buffer> {
    const open = this.handles.file(handle);
    return this.change([open], id, () => open.resource.setAttributes(checked(attributes)));
  }

  #attributesOfHandle({ id, handle }: PacketOf<typeof PacketType.FSTAT>): Promise<Buffer> {
    const open = this.handles.get(handle);
    return this.lookAt(open, async () => {
      const attributes = await open.resource.attributes();
      return encodePacket({ type: PacketType.ATTRS, id, attributes });
    });
  }

  /** Of what a handle holds; the request is an extended one. */
  statisticsOf(handle: Buffer): Promise<FileSystemStatistics> {
    const open = this.handles.get(handle);
    return this.lookAt(open, () => open.resource.statistics());
  }

  #readDirectory({ id, handle }: PacketOf<typeof PacketType.READDIR>): Promise<Buffer> {
    const { resource, turns } = this.handles.directory(handle);
    return this.look(async () => {
      // One after the other on its handle, so that each entry is told once and in order.
      const found = await this.#inTurn([turns], 'alone', () => resource.next(namesAtOnce));
      if (found.length === 0) throw endOfFile();
      const now = Date.now();
      return nameReply(
        id,
        found.map((entry) => ({
          name: entry.name,
          longName: longName(entry, now),
          attributes: entry.attributes,
        })),
      );
    });
  }
}

/** All turns are asked for at once, so that no two who want the same ones can wait for each other. */
async function inTurn<Result>(
  all: readonly Turns[],
  share: Share,
  work: () => Promise<Result>,
): Promise<Result> {
  const waits = all.map((turns) => turns.begin(share));
  for (const wait of waits) if (wait !== undefined) await wait;
  try {
    return await work();
  } finally {
    for (const turns of all) turns.end(share);
  }
}

function closeAfterWork({ resource, turns }: Handle): Promise<void> {
  return inTurn([turns], 'alone', () => resource.close());
}

/** @throws StatusError `FAILURE` for what a JavaScript number cannot hold; it is never rounded */
export function numberOf(value: bigint): number {
  if (value > largestNumber) throw failure();
  return Number(value);
}

function checked(attributes: Attributes): Attributes {
  if (attributes.size !== undefined) numberOf(attributes.size);
  return attributes;
}

/** @throws StatusError `BAD_MESSAGE` for flags that contradict each other */
function openMode(flags: number, { permissions = defaultPermissions }: Attributes): OpenMode {
  const has = (flag: number) => (flags & flag) !== 0;
  const mode = {
    read: has(OpenFlag.READ),
    write: has(OpenFlag.WRITE),
    append: has(OpenFlag.APPEND),
    create: has(OpenFlag.CREAT),
    truncate: has(OpenFlag.TRUNC),
    exclusive: has(OpenFlag.EXCL),
    permissions: permissions & 0o777,
  };
  if (!mode.read && !mode.write) throw badMessage();
  if (mode.exclusive && !mode.create) throw badMessage();
  if (mode.truncate && !mode.write) throw badMessage();
  return mode;
}
