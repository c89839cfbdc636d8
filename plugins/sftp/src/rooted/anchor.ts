/**
 * Names for what a descriptor holds. Node has no `openat`; what stands in for it is a path that the kernel resolves by the
 * descriptor itself, so that no rename or link in the tree can lead it elsewhere:
 *
 * - Linux: `/proc/self/fd/<n>` goes straight to what the descriptor holds (proc(5)), and `/proc/self/fd/<n>/<name>` is
 *   `openat(n, name)`. `O_PATH` holds a directory that may be passed through and not listed.
 * - macOS: `/.vol/<device>/<inode>` names a file by its inode, which cannot be given to another while a descriptor holds it.
 *
 * `docs/spec/sftp.md` 5.
 *
 * @module
 */

import { closeSync, constants, readlinkSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { close, fstat, open } from './system.ts';

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;
/** asm-generic/fcntl.h: the same number on every architecture that Node runs on. */
const O_PATH = 0o10000000;
/** sys/fcntl.h of macOS: to hold, without the right to read. */
const O_EVTONLY = 0x8000;

const isLinux = process.platform === 'linux';
const holding = isLinux ? O_PATH : process.platform === 'darwin' ? O_EVTONLY : O_RDONLY;

/** Something held open for as long as it is used. */
export interface Anchor {
  readonly fd: number;
  /** Leads to what is held, whatever happens to the tree. */
  readonly path: Buffer;
}

const slash = Buffer.from('/');

/** A path to the entry of a held directory. */
export const childOf = ({ path }: Anchor, name: Buffer): Buffer => Buffer.concat([path, slash, name]);

/** Holds a directory, and nothing that a link leads to. @throws `ENOTDIR` or `ELOOP` for anything else */
export const holdDirectory = (path: Buffer): Promise<Anchor> => hold(path, O_DIRECTORY | O_NOFOLLOW);

/** Holds whatever it is. On Linux that is also a link itself; elsewhere a link is refused with `ELOOP`. */
export const holdAnything = (path: Buffer): Promise<Anchor> => hold(path, O_NOFOLLOW | O_NONBLOCK);

/** Holds a directory, all links followed: a guess, whose place must be looked at before it is used. */
export const holdUnchecked = (path: Buffer): Promise<Anchor> => hold(path, O_DIRECTORY);

async function hold(path: Buffer, flags: number): Promise<Anchor> {
  const fd = await open(path, holding | flags);
  try {
    return { fd, path: await anchorPath(fd) };
  } catch (error) {
    await close(fd);
    throw error;
  }
}

/** The path of an anchor over a descriptor of any kind. */
export async function anchorPath(fd: number): Promise<Buffer> {
  if (isLinux) return Buffer.from(`/proc/self/fd/${fd}`);
  const { dev, ino } = await fstat(fd);
  return Buffer.from(`/.vol/${dev}/${ino}`);
}

/** At once, and not by a thread of the pool: nothing is written back when what was only held is let go. */
export const letGo = ({ fd }: Anchor): void => closeSync(fd);

/**
 * Where what is held is now, as the kernel tells; nothing where it does not. No disk is asked for that, so it takes no turn
 * of the thread pool.
 */
export function placeOf({ path }: Anchor): Buffer | undefined {
  if (!isLinux) return undefined;
  try {
    return readlinkSync(path, { encoding: 'buffer' });
  } catch {
    // Longer than a page, for one.
    return undefined;
  }
}

/** Whether this system has paths that a descriptor resolves. @throws Error that says what is missing */
export async function checkPlatform(root: Anchor): Promise<void> {
  const held = await fstat(root.fd);
  const found = await stat(root.path).catch((): Stats | undefined => undefined);
  if (found?.dev === held.dev && found.ino === held.ino) return;
  const wanted = isLinux ? '/proc must be mounted' : 'it needs Linux, or macOS with /.vol';
  throw new Error(`files cannot be reached by descriptor on this system: ${wanted}`);
}
