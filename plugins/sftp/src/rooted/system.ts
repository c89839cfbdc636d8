/**
 * The system calls on descriptors, as promises. Plain numbers and not `FileHandle`s: one that is forgotten must be a leak
 * that a test finds, and not closed by the garbage collector at some other time.
 *
 * @module
 */

import * as fs from 'node:fs';
import { promisify } from 'node:util';

export const open: (path: Buffer | string, flags: number, mode?: number) => Promise<number> = promisify(
  fs.open,
);
export const close: (fd: number) => Promise<void> = promisify(fs.close);
export const fstat: (fd: number) => Promise<fs.Stats> = promisify(fs.fstat);
export const ftruncate: (fd: number, length: number) => Promise<void> = promisify(fs.ftruncate);
export const fchmod: (fd: number, mode: number) => Promise<void> = promisify(fs.fchmod);
export const fchown: (fd: number, uid: number, gid: number) => Promise<void> = promisify(fs.fchown);
export const futimes: (fd: number, atime: number, mtime: number) => Promise<void> = promisify(fs.futimes);
export const fsync: (fd: number) => Promise<void> = promisify(fs.fsync);

/** Bytes read; 0 at the end of the file. */
export function read(fd: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, position, (error, length) => {
      if (error) reject(error);
      else resolve(length);
    });
  });
}

/** Bytes written. `null`: at the place of the descriptor. */
export function write(fd: number, data: Buffer, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, data, 0, data.length, position, (error, length) => {
      if (error) reject(error);
      else resolve(length);
    });
  });
}

/** Whether the error of a system call has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: 'sftp' });
}
