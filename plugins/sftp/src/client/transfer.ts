/**
 * Whole files, with many requests under way, and each file growing from its beginning to its end: what is there after an
 * interruption is right as far as it goes, and can be resumed. `docs/spec/sftp.md` 9.
 *
 * @module
 */

import { constants } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { StatusCode } from '../codec/index.ts';
import { OpenFlag, type PathLike, type SftpClient, SftpError } from './client.ts';

export interface TransferOptions {
  /** Goes on after the bytes that are there, which are taken to be those of the source. */
  readonly resume?: boolean;
  /** Called with the bytes that are through, and those of the whole. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Requests under way. */
const requestsAtOnce = 64;
/** Bytes of them all: more in flight makes nothing faster. */
const bytesAtOnce = 8 * 1024 * 1024;
const permissionBits = 0o777;

/** @returns bytes that were fetched, without those that were there */
export async function download(
  client: SftpClient,
  remote: PathLike,
  local: string,
  options: TransferOptions = {},
): Promise<number> {
  const handle = await client.open(remote, OpenFlag.READ);
  try {
    const { size = 0n, permissions } = await client.fstat(handle);
    const mode = permissions === undefined ? 0o666 : permissions & permissionBits;
    // Not "a+": to append is to ignore where something is written.
    const flags = constants.O_RDWR | constants.O_CREAT | (options.resume ? 0 : constants.O_TRUNC);
    const file = await openFile(local, flags, mode);
    try {
      return await fetchInto(file, client, handle, Number(size), options);
    } finally {
      await file.close();
    }
  } finally {
    await client.close(handle).catch(() => {});
  }
}

async function fetchInto(
  file: FileHandle,
  client: SftpClient,
  handle: Buffer,
  total: number,
  { resume = false, onProgress, signal }: TransferOptions,
): Promise<number> {
  const from = resume ? (await file.stat()).size : 0;
  if (from > total) throw tooLong(from, total);
  const queue = new Queue<Buffer | undefined>(Math.floor(bytesAtOnce / client.maxRead));
  let at = from;
  const write = async (data: Buffer) => {
    await file.write(data, 0, data.length, at);
    at += data.length;
    onProgress?.(at, total);
  };
  // Asked until there is no more: the file may have grown, and those of /proc say that they are empty.
  for (let asked = from; ; asked += client.maxRead) {
    signal?.throwIfAborted();
    // Beyond the end that is known there is one request at a time.
    while (queue.isFull || (asked >= total && queue.length > 0)) {
      const wanted = at + client.maxRead;
      let data = await queue.next();
      // A server may give less than it was asked for; the rest is asked for again.
      for (; data !== undefined && data.length > 0; data = await client.read(handle, at, wanted - at)) {
        await write(data);
        if (at >= wanted) break;
      }
      if (data === undefined) return at - from;
    }
    queue.add(client.read(handle, asked, client.maxRead));
  }
}

/** @returns bytes that were sent, without those that were there */
export async function upload(
  client: SftpClient,
  local: string,
  remote: PathLike,
  { resume = false, onProgress, signal }: TransferOptions = {},
): Promise<number> {
  const file = await openFile(local, 'r');
  try {
    const { size: total, mode } = await file.stat();
    const flags = OpenFlag.WRITE | OpenFlag.CREAT | (resume ? 0 : OpenFlag.TRUNC);
    const handle = await client.open(remote, flags, { permissions: mode & permissionBits });
    try {
      const from = resume ? Number((await client.fstat(handle)).size ?? 0n) : 0;
      if (from > total) throw tooLong(from, total);
      const queue = new Queue<void>(Math.floor(bytesAtOnce / client.maxWrite));
      let at = from;
      for (;;) {
        signal?.throwIfAborted();
        const room = Buffer.allocUnsafeSlow(client.maxWrite);
        const { bytesRead } = await file.read(room, 0, room.length, at);
        if (bytesRead === 0) break;
        if (queue.isFull) await queue.next();
        queue.add(client.write(handle, at, room.subarray(0, bytesRead)));
        at += bytesRead;
        onProgress?.(at, total);
      }
      while (queue.length > 0) await queue.next();
      return at - from;
    } finally {
      await client.close(handle).catch(() => {});
    }
  } finally {
    await file.close();
  }
}

function tooLong(present: number, total: number): SftpError {
  const message = `expected at most ${total} bytes to go on from, found ${present}: is it another file?`;
  return new SftpError(StatusCode.FAILURE, message);
}

/** Answers to come, first in first out. */
class Queue<Value> {
  readonly #waiting: Promise<Value>[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = Math.max(1, Math.min(requestsAtOnce, most));
  }

  get length(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#most;
  }

  add(answer: Promise<Value>): void {
    // Whoever stops at an earlier failure leaves this one behind.
    answer.catch(() => {});
    this.#waiting.push(answer);
  }

  async next(): Promise<Value> {
    const first = this.#waiting.shift();
    if (first === undefined) throw new RangeError('nothing is under way');
    return first;
  }
}
