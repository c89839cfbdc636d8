/**
 * Packed plugins: tarballs as npm takes and makes them. Those that are written here are the same bytes on every machine;
 * those that are read may come from anybody. `docs/spec/config.md` 8.
 *
 * @module
 */

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import { Header, Parser, Pax, type ReadEntry } from 'tar';
import { packageLimits } from './package-files.ts';

export interface ArchiveFile {
  /** With `/`, from the root of the package. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly executable: boolean;
}

/** It is no tarball of a package, or one that does what none has to. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/** That of npm, which zip can hold too: 1985-10-26, 08:15 UTC. */
const mtime = new Date(499_162_500_000);
/** Directory that npm takes away. */
const top = 'package/';
const block = 512;

/** A `.tgz` whose bytes follow from names and contents alone. */
export function writeArchive(files: readonly ArchiveFile[]): Buffer {
  const ordered = [...files].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  const parts: Buffer[] = [];
  for (const { path, bytes, executable } of ordered) {
    parts.push(
      ...headerOf(`${top}${path}`, bytes.length, executable ? 0o755 : 0o644),
      bytes,
      padding(bytes.length),
    );
  }
  // Two empty blocks are the end.
  parts.push(Buffer.alloc(2 * block));
  return storedGzip(Buffer.concat(parts));
}

function headerOf(path: string, size: number, mode: number): Buffer[] {
  const facts = { path, size, mode, mtime, uid: 0, gid: 0, uname: '', gname: '', type: 'File' as const };
  const header = new Header(facts);
  const needsPax = header.encode();
  const own = header.block ?? Buffer.alloc(block);
  return needsPax ? [new Pax({ path, size }).encode(), own] : [own];
}

function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

/** Bytes of one stored block of DEFLATE, RFC 1951, 3.2.4. */
const maxStored = 0xffff;

/**
 * gzip (RFC 1952) without compression: what a compressor writes changes with its version and with the processor, and
 * the same package would not be the same file everywhere.
 */
function storedGzip(bytes: Buffer): Buffer {
  // No time, no name, and an operating system that is none in particular.
  const parts: Buffer[] = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])];
  for (let at = 0; at === 0 || at < bytes.length; at += maxStored) {
    const chunk = bytes.subarray(at, at + maxStored);
    const head = Buffer.alloc(5);
    head.writeUInt8(at + maxStored >= bytes.length ? 1 : 0, 0);
    head.writeUInt16LE(chunk.length, 1);
    head.writeUInt16LE(~chunk.length & 0xffff, 3);
    parts.push(head, chunk);
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([...parts, tail]);
}

/**
 * The files of a tarball, wherever it came from: files and directories below one top directory, and nothing else.
 *
 * @throws ArchiveError that names the entry
 */
export async function readArchive(bytes: Buffer): Promise<ArchiveFile[]> {
  const tar = unzipped(bytes);
  const files = new Map<string, ArchiveFile>();
  const directories = new Set<string>();
  const entries: Promise<void>[] = [];
  let fault: ArchiveError | undefined;
  const take = async (entry: ReadEntry) => {
    try {
      const path = checkedPath(entry);
      const content = await entry.concat();
      if (entry.type === 'Directory') return;
      if (files.has(path)) throw new ArchiveError(`the archive holds ${path} twice`);
      if (files.size >= packageLimits.files)
        throw new ArchiveError(`expected at most ${packageLimits.files} files in the archive, found more`);
      for (let at = dirname(path); at !== '.'; at = dirname(at)) directories.add(at);
      files.set(path, { path, bytes: content, executable: ((entry.mode ?? 0) & 0o100) !== 0 });
    } catch (error) {
      fault ??= error instanceof ArchiveError ? error : new ArchiveError(String(error));
      entry.resume();
    }
  };
  await new Promise<void>((resolve, reject) => {
    const broken = (error: Error) => reject(new ArchiveError(`the archive cannot be read: ${error.message}`));
    const parser = new Parser({ strict: true, onReadEntry: (entry) => void entries.push(take(entry)) });
    parser.on('error', broken);
    parser.on('end', () => resolve());
    try {
      parser.end(tar);
    } catch (error) {
      broken(error instanceof Error ? error : new Error(String(error)));
    }
  });
  await Promise.all(entries);
  if (fault !== undefined) throw fault;
  for (const path of files.keys()) {
    if (directories.has(path)) throw new ArchiveError(`the archive holds ${path} as file and as directory`);
  }
  return [...files.values()];
}

function unzipped(bytes: Buffer): Buffer {
  const limit = packageLimits.bytes + packageLimits.files * 2 * block;
  let tar: Buffer;
  try {
    tar = gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    throw new ArchiveError(
      tooLarge
        ? `expected at most ${limit} bytes in the archive, found more`
        : `expected a gzip file, found none that can be read: ${error instanceof Error ? error.message : ''}`,
    );
  }
  // The parser would unpack it once more, past the limit.
  if (tar[0] === 0x1f && tar[1] === 0x8b)
    throw new ArchiveError('expected a tarball, found a gzip file in a gzip file');
  return tar;
}

/** @throws ArchiveError */
function checkedPath({ path, type }: ReadEntry): string {
  const shown = JSON.stringify(path.slice(0, 200));
  if (type !== 'File' && type !== 'OldFile' && type !== 'Directory')
    throw new ArchiveError(`the archive holds ${shown} as ${type}; expected files and directories alone`);
  const [root = '', ...segments] = path.replace(/\/$/, '').split('/');
  const all = [root, ...segments];
  // A backslash separates on one system and is part of a name on another.
  const bad = all.some((name) => name === '' || name === '.' || name === '..' || /[\\\0:]/.test(name));
  if (bad || (segments.length === 0 && type !== 'Directory'))
    throw new ArchiveError(
      `the archive holds ${shown}; expected paths below one directory, such as package/`,
    );
  return segments.join('/');
}

/** Writes them below a directory, which must not have any of them yet; nobody but the owner may change them then. */
export async function writeFiles(files: readonly ArchiveFile[], directory: string): Promise<void> {
  const made = new Set<string>();
  const make = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    if (path !== directory) await make(dirname(path));
    await mkdir(path, { recursive: path === directory, mode: 0o755 });
    // Whatever the mask of the process says.
    await chmod(path, 0o755);
    made.add(path);
  };
  await make(directory);
  for (const { path, bytes, executable } of files) {
    const file = join(directory, path);
    await make(dirname(file));
    await writeFile(file, bytes, { flag: 'wx' });
    await chmod(file, executable ? 0o755 : 0o644);
  }
}
