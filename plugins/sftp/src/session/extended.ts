/**
 * The extended requests. `docs/spec/sftp.md` 6.
 *
 * @module
 */

import {
  type ExtensionName,
  encodePacket,
  isExtension,
  maxData,
  type PacketOf,
  PacketType,
  readCopyData,
  readIdCounts,
  readNothing,
  readPathAttributes,
  readString,
  readTwoStrings,
  writeEmptyNames,
  writeLimits,
  writeStatistics,
} from '../codec/index.ts';
import type { OpenFile } from './file-system.ts';
import { textualPath } from './paths.ts';
import { pathReply } from './replies.ts';
import { Abandoned, numberOf, type Requests } from './requests.ts';
import { badMessage, failure, unsupported } from './status.ts';

type Extended = PacketOf<typeof PacketType.EXTENDED>;
type Answer = (requests: Requests, id: number, data: Buffer) => Promise<Buffer>;

export function answerExtension(requests: Requests, { id, request, data }: Extended): Promise<Buffer> {
  const name = request.toString('latin1');
  if (!isExtension(name)) throw unsupported();
  return answers[name](requests, id, data);
}

const reply = (id: number, data: Buffer) => encodePacket({ type: PacketType.EXTENDED_REPLY, id, data });

const answers: Readonly<Record<ExtensionName, Answer>> = {
  'posix-rename@openssh.com': (requests, id, data) => {
    const [from, to] = readTwoStrings(data);
    return requests.changeTree(id, () => requests.files.rename(from, to, true));
  },

  'statvfs@openssh.com': (requests, id, data) => {
    const path = readString(data);
    return requests.look(async () => reply(id, writeStatistics(await requests.files.statistics(path))));
  },

  'fstatvfs@openssh.com': async (requests, id, data) =>
    reply(id, writeStatistics(await requests.statisticsOf(readString(data)))),

  'hardlink@openssh.com': (requests, id, data) => {
    const [from, to] = readTwoStrings(data);
    return requests.changeTree(id, () => requests.files.makeHardLink(from, to));
  },

  'fsync@openssh.com': (requests, id, data) => {
    const open = requests.handles.file(readString(data));
    return requests.change([open], id, () => open.resource.sync());
  },

  'lsetstat@openssh.com': (requests, id, data) => {
    const { path, attributes } = readPathAttributes(data);
    // A link has no size to set, and no permissions that count.
    if (attributes.size !== undefined) throw badMessage();
    return requests.changeTree(id, () => requests.files.setAttributes(path, attributes, false));
  },

  'limits@openssh.com': async ({ limits }, id, data) => {
    readNothing(data);
    const most = BigInt(Math.min(maxData, limits.maxPacket - 1024));
    const maxPacket = BigInt(limits.maxPacket);
    const maxHandles = BigInt(limits.maxHandles);
    return reply(id, writeLimits({ maxPacket, maxRead: most, maxWrite: most, maxHandles }));
  },

  'expand-path@openssh.com': async ({ files }, id, data) => {
    const path = readString(data);
    if (path[0] !== 0x7e) return pathReply(id, textualPath(path, files.start));
    if (path.length > 1 && path[1] !== 0x2f) throw failure();
    const whole = Buffer.concat([files.start, Buffer.from('/'), path.subarray(1)]);
    return pathReply(id, textualPath(whole, files.start));
  },

  'home-directory': async ({ files }, id, data) => {
    readString(data);
    return pathReply(id, files.start);
  },

  'users-groups-by-id@openssh.com': async (_requests, id, data) =>
    reply(id, writeEmptyNames(...readIdCounts(data))),

  'copy-data': (requests, id, data) => {
    const copy = readCopyData(data);
    const from = requests.handles.file(copy.from);
    const to = requests.handles.file(copy.to);
    const range = {
      position: numberOf(copy.offset),
      length: copy.length === 0n ? Number.POSITIVE_INFINITY : numberOf(copy.length),
      toPosition: numberOf(copy.toOffset),
    };
    numberOf(copy.offset + copy.length);
    numberOf(copy.toOffset + copy.length);
    return requests.change([from, to], id, () => copyData(requests, from.resource, to.resource, range));
  },
};

interface Range {
  readonly position: number;
  /** Infinity: to the end. */
  readonly length: number;
  readonly toPosition: number;
}

async function copyData(requests: Requests, from: OpenFile, to: OpenFile, range: Range): Promise<void> {
  const { position, length, toPosition } = range;
  const overlaps = position < toPosition + length && toPosition < position + length;
  if (overlaps && (await from.isSame(to))) throw failure();
  const buffer = Buffer.allocUnsafeSlow(Math.min(maxData, length));
  for (let done = 0; done < length; ) {
    if (requests.isAbandoned) throw new Abandoned();
    const room = buffer.subarray(0, Math.min(buffer.length, length - done));
    const read = await from.read(room, position + done);
    // As OpenSSH: an end before `length` is an end like any other.
    if (read === 0) return;
    await to.write(room.subarray(0, read), toPosition + done);
    requests.bytesRead += read;
    requests.bytesWritten += read;
    done += read;
    if (read < room.length) return;
  }
}
