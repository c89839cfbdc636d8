/**
 * An open file: reads and writes by descriptor, whatever becomes of its name.
 *
 * @module
 */

import type { Attributes, FileSystemStatistics } from '../codec/index.ts';
import type { OpenFile, OpenMode } from '../session/file-system.ts';
import { failure } from '../session/status.ts';
import { anchorPath } from './anchor.ts';
import type { Root } from './root.ts';
import { applyAttributes, attributesOf, statisticsAt } from './stats.ts';
import {
  close,
  fchmod,
  fchown,
  fstat,
  fsync,
  ftruncate,
  futimes,
  hasCode,
  read,
  systemError,
  write,
} from './system.ts';

/** Bytes that a read takes memory for at the least: a file of the length 0 may have grown. */
const leastExpected = 512;

export class RegularFile implements OpenFile {
  readonly #fd: number;
  readonly #root: Root;
  readonly #mode: OpenMode;
  readonly #allowOwner: boolean;
  /** As far as it is known here; others may write too. */
  #size: number;

  private constructor(fd: number, root: Root, mode: OpenMode, allowOwner: boolean, size: number) {
    this.#fd = fd;
    this.#root = root;
    this.#mode = mode;
    this.#allowOwner = allowOwner;
    this.#size = size;
  }

  /** Takes the descriptor over, and closes it when it holds anything but a file. */
  static async of(fd: number, root: Root, mode: OpenMode, allowOwner: boolean): Promise<RegularFile> {
    try {
      const found = await fstat(fd);
      if (!found.isFile()) throw failure();
      // Not by the open flag: what is opened is known only now.
      if (mode.truncate) await ftruncate(fd, 0);
      return new RegularFile(fd, root, mode, allowOwner, mode.truncate ? 0 : found.size);
    } catch (error) {
      await close(fd);
      throw error;
    }
  }

  expect(position: number): number {
    return Math.max(this.#size - position, leastExpected);
  }

  async read(into: Buffer, position: number): Promise<number> {
    this.#root.checkUse();
    if (!this.#mode.read) throw failure();
    let length = 0;
    while (length < into.length) {
      const part = await read(this.#fd, length === 0 ? into : into.subarray(length), position + length);
      if (part === 0) break;
      length += part;
    }
    return length;
  }

  async write(data: Buffer, position: number): Promise<void> {
    this.#root.checkChange();
    if (!this.#mode.write) throw failure();
    for (let done = 0; done < data.length; ) {
      const at = this.#mode.append ? null : position + done;
      const part = await write(this.#fd, done === 0 ? data : data.subarray(done), at);
      if (part === 0) throw systemError('ENOSPC');
      done += part;
    }
    this.#size = this.#mode.append ? this.#size + data.length : Math.max(this.#size, position + data.length);
  }

  async attributes(): Promise<Attributes> {
    this.#root.checkUse();
    return attributesOf(await fstat(this.#fd));
  }

  async setAttributes(attributes: Attributes): Promise<void> {
    this.#root.checkChange();
    const fd = this.#fd;
    if (attributes.size !== undefined && !this.#mode.write) throw failure();
    await applyAttributes(attributes, await fstat(fd), this.#allowOwner, {
      size: (size) => ftruncate(fd, size),
      permissions: (mode) => fchmod(fd, mode),
      times: (atime, mtime) => futimes(fd, atime, mtime),
      owner: (uid, gid) => fchown(fd, uid, gid),
    });
    if (attributes.size !== undefined) this.#size = Number(attributes.size);
  }

  async sync(): Promise<void> {
    this.#root.checkUse();
    try {
      await fsync(this.#fd);
    } catch (error) {
      // A file system that cannot, and says so in this way.
      if (hasCode(error, 'EINVAL')) throw systemError('EOPNOTSUPP');
      throw error;
    }
  }

  async statistics(): Promise<FileSystemStatistics> {
    this.#root.checkUse();
    return statisticsAt(await anchorPath(this.#fd), this.#root.mode === 'ro');
  }

  async isSame(other: OpenFile): Promise<boolean> {
    if (!(other instanceof RegularFile)) return false;
    const [one, two] = await Promise.all([fstat(this.#fd), fstat(other.#fd)]);
    return one.dev === two.dev && one.ino === two.ino;
  }

  close(): Promise<void> {
    return close(this.#fd);
  }
}
