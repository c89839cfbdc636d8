/**
 * What a session needs of files. Paths are bytes as the client sent them; every method fails with a StatusError or with the
 * error of the system call.
 *
 * @module
 */

import type { Attributes, FileSystemStatistics } from '../codec/index.ts';

export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly create: boolean;
  readonly truncate: boolean;
  readonly exclusive: boolean;
  /** Of a new file, before the umask. */
  readonly permissions: number;
}

export interface OpenFile {
  /** Bytes read into `into`; fewer than fit only at the end of the file. */
  read(into: Buffer, position: number): Promise<number>;
  /** Bytes that a read at `position` will probably find: what to take memory for. */
  expect(position: number): number;
  /** All of it; at the end of the file when it was opened to append. */
  write(data: Buffer, position: number): Promise<void>;
  attributes(): Promise<Attributes>;
  setAttributes(attributes: Attributes): Promise<void>;
  sync(): Promise<void>;
  statistics(): Promise<FileSystemStatistics>;
  /** Whether it is the same file of the host. */
  isSame(other: OpenFile): Promise<boolean>;
  close(): Promise<void>;
}

/** Of the host, as far as it is known. */
export interface Entry {
  readonly name: Buffer;
  readonly attributes: Attributes;
  /** Number of hard links. */
  readonly links: number;
}

export interface OpenDirectory {
  /** At most `count` more entries; none at the end. */
  next(count: number): Promise<readonly Entry[]>;
  attributes(): Promise<Attributes>;
  statistics(): Promise<FileSystemStatistics>;
  close(): Promise<void>;
}

export interface FileSystem {
  /** Where paths that are not absolute begin. */
  readonly start: Buffer;
  /** What may be seen has changed: `refresh` before the next request. */
  readonly isStale: boolean;
  refresh(): Promise<void>;
  open(path: Buffer, mode: OpenMode): Promise<OpenFile>;
  openDirectory(path: Buffer): Promise<OpenDirectory>;
  /** `followed`: of what a link leads to. */
  attributes(path: Buffer, followed: boolean): Promise<Attributes>;
  setAttributes(path: Buffer, attributes: Attributes, followed: boolean): Promise<void>;
  remove(path: Buffer): Promise<void>;
  makeDirectory(path: Buffer, permissions: number): Promise<void>;
  removeDirectory(path: Buffer): Promise<void>;
  /** `replace`: also what stands there. */
  rename(from: Buffer, to: Buffer, replace: boolean): Promise<void>;
  readLink(path: Buffer): Promise<Buffer>;
  makeLink(target: Buffer, path: Buffer): Promise<void>;
  makeHardLink(from: Buffer, to: Buffer): Promise<void>;
  statistics(path: Buffer): Promise<FileSystemStatistics>;
  /** Lets go of all that it holds itself; open files and directories are closed before. */
  close(): Promise<void>;
}
