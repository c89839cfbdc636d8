/**
 * The files of one session: `/` with the exports, and each export a directory of the host that nothing leaves.
 * `docs/spec/sftp.md` 2, 4 and 5.
 *
 * @module
 */

import { constants } from 'node:fs';
import { link, lstat, mkdir, readlink, rename, rmdir, symlink, unlink } from 'node:fs/promises';
import type { Attributes, FileSystemStatistics } from '../codec/index.ts';
import type { FileSystem, OpenDirectory, OpenFile, OpenMode } from '../session/file-system.ts';
import { fromRoot, isAbsolute, isParent, joined, segmentsOf } from '../session/paths.ts';
import { badMessage, denied, failure, noSuchFile } from '../session/status.ts';
import { type Anchor, holdAnything, letGo } from './anchor.ts';
import type { ExportSource } from './export-source.ts';
import { ExportListing, entryOf, HostListing } from './listings.ts';
import { RegularFile } from './regular-file.ts';
import type { Root } from './root.ts';
import { applyAttributes, attributesOf, settersByPath, settersOfLink, statisticsAt } from './stats.ts';
import { fstat, hasCode, open, systemError } from './system.ts';
import { Walk, type WalkRules } from './walk.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

export interface TreeRules {
  readonly allowOwner: boolean;
  readonly followLinks: boolean;
  /** A change was refused in the export of that name. */
  readonly onDenied?: (name: string) => void;
}

export class ExportTree implements FileSystem {
  readonly #source: ExportSource;
  readonly #rules: WalkRules;
  readonly #allowOwner: boolean;
  readonly #onDenied: (name: string) => void;
  readonly #made = Math.floor(Date.now() / 1000);

  constructor(source: ExportSource, { allowOwner, followLinks, onDenied = () => {} }: TreeRules) {
    this.#source = source;
    this.#rules = { roots: source.roots, followLinks };
    this.#allowOwner = allowOwner;
    this.#onDenied = onDenied;
  }

  get start(): Buffer {
    const [only, ...others] = this.#source.roots.keys();
    return joined(only === undefined || others.length > 0 ? [] : [Buffer.from(only)]);
  }

  get isStale(): boolean {
    return this.#source.isStale;
  }

  refresh(): Promise<void> {
    return this.#source.refresh();
  }

  async open(path: Buffer, mode: OpenMode): Promise<OpenFile> {
    return this.#at(path, async (walk) => {
      if (walk.root === undefined) throw failure();
      if (mode.write || mode.append || mode.create || mode.truncate) this.#checkChange(walk.root);
      if (walk.name === undefined) throw failure();
      const fd = await throughLinks(walk, () => open(walk.path, openFlags(mode), mode.permissions));
      return RegularFile.of(fd, rootOf(walk), mode, this.#allowOwner);
    });
  }

  async openDirectory(path: Buffer): Promise<OpenDirectory> {
    return this.#at(path, async (walk) => {
      await walk.descend();
      if (walk.root === undefined) return this.#listExports();
      const above = await walk.holdParent();
      const attributes =
        above === undefined
          ? this.#ofTop()
          : await whileHeld(above, async ({ fd }) => attributesOf(await fstat(fd)));
      return HostListing.of(await walk.takeDirectory(), walk.root, attributes);
    });
  }

  async attributes(path: Buffer, followed: boolean): Promise<Attributes> {
    return this.#at(path, async (walk) => {
      if (walk.root === undefined) return this.#ofTop();
      for (;;) {
        const found = walk.name === undefined ? await fstat(walk.directory.fd) : await lstat(walk.path);
        if (!followed || walk.name === undefined || !found.isSymbolicLink()) return attributesOf(found);
        await walk.follow();
      }
    });
  }

  async setAttributes(path: Buffer, attributes: Attributes, followed: boolean): Promise<void> {
    await this.#at(path, async (walk) => {
      this.#checkChange(rootOf(walk));
      for (;;) {
        const isLast = walk.name !== undefined;
        if (isLast && (await lstat(walk.path)).isSymbolicLink()) {
          if (!followed) {
            const setters = settersOfLink(walk.path);
            return applyAttributes(attributes, await lstat(walk.path), this.#allowOwner, setters);
          }
          await walk.follow();
          continue;
        }
        return whileHeld(await holdAnything(walk.path), async ({ fd, path: held }) => {
          const found = await fstat(fd);
          // A link that came in between: its own path would be followed.
          if (found.isSymbolicLink()) throw failure();
          await applyAttributes(attributes, found, this.#allowOwner, settersByPath(held));
        });
      }
    });
  }

  async remove(path: Buffer): Promise<void> {
    await this.#change(path, (walk) => unlink(walk.path));
  }

  async makeDirectory(path: Buffer, permissions: number): Promise<void> {
    await this.#change(path, async (walk) => {
      await mkdir(walk.path, permissions);
    });
  }

  async removeDirectory(path: Buffer): Promise<void> {
    await this.#change(path, (walk) => rmdir(walk.path));
  }

  async rename(from: Buffer, to: Buffer, replace: boolean): Promise<void> {
    await this.#change(from, (source) =>
      this.#change(to, async (target) => {
        if (source.root !== target.root) throw failure();
        if (replace) return rename(source.path, target.path);
        if (!(await lstat(source.path)).isDirectory()) {
          try {
            await link(source.path, target.path);
            return await unlink(source.path);
          } catch (error) {
            // A file system, or a kernel, that does not let us link this one.
            if (!hasCode(error, 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK')) throw error;
          }
        }
        if (await exists(target.path)) throw systemError('EEXIST');
        await rename(source.path, target.path);
      }),
    );
  }

  async readLink(path: Buffer): Promise<Buffer> {
    return this.#at(path, async (walk) => {
      if (walk.root === undefined || walk.name === undefined) throw failure();
      return readlink(walk.path, { encoding: 'buffer' });
    });
  }

  async makeLink(target: Buffer, path: Buffer): Promise<void> {
    if (target.length === 0) throw noSuchFile();
    if (target.includes(0)) throw badMessage();
    await this.#change(path, async (walk) => {
      checkTarget(target, walk.depth);
      await symlink(target, walk.path);
    });
  }

  async makeHardLink(from: Buffer, to: Buffer): Promise<void> {
    await this.#change(from, (source) =>
      this.#change(to, async (target) => {
        if (source.root !== target.root) throw failure();
        if (!(await lstat(source.path)).isFile()) throw failure();
        await link(source.path, target.path);
      }),
    );
  }

  async statistics(path: Buffer): Promise<FileSystemStatistics> {
    return this.#at(path, async (walk) => {
      if (walk.root === undefined) return this.#statisticsOfTop();
      const isReadOnly = walk.root.mode === 'ro';
      for (;;) {
        if (walk.name !== undefined && (await lstat(walk.path)).isSymbolicLink()) {
          await walk.follow();
          continue;
        }
        return whileHeld(await holdAnything(walk.path), ({ path: held }) => statisticsAt(held, isReadOnly));
      }
    });
  }

  async close(): Promise<void> {
    this.#source.close();
  }

  #at<Result>(path: Buffer, use: (walk: Walk) => Promise<Result>): Promise<Result> {
    return Walk.to(this.#rules, fromRoot(path, this.start), use);
  }

  /** Something is made, moved or taken away at the path: neither `/` nor an export itself, nor in a read-only one. */
  #change(path: Buffer, work: (walk: Walk) => Promise<void>): Promise<void> {
    return this.#at(path, async (walk) => {
      if (walk.root === undefined) throw denied();
      this.#checkChange(walk.root);
      if (walk.name === undefined) throw walk.depth === 0 ? denied() : failure();
      await work(walk);
    });
  }

  #checkChange(root: Root): void {
    try {
      root.checkChange();
    } catch (error) {
      this.#onDenied(root.name);
      throw error;
    }
  }

  #ofTop(): Attributes {
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const times = { atime: this.#made, mtime: this.#made };
    return { size: 0n, owner: { uid, gid }, permissions: constants.S_IFDIR | 0o555, times };
  }

  async #listExports(): Promise<OpenDirectory> {
    const entries = await Promise.all(
      [...this.#source.roots.values()].map(async (root) =>
        entryOf(Buffer.from(root.name), await fstat(root.anchor.fd)),
      ),
    );
    return new ExportListing(entries, this.#ofTop(), () => this.#statisticsOfTop());
  }

  #statisticsOfTop(): Promise<FileSystemStatistics> {
    const [first] = this.#source.roots.values();
    if (first === undefined) throw denied();
    return statisticsAt(first.anchor.path, first.mode === 'ro');
  }
}

function rootOf({ root }: Walk): Root {
  if (root === undefined) throw denied();
  return root;
}

function openFlags({ read, write, append, create, exclusive }: OpenMode): number {
  // A FIFO or a device must not hold us up before we know that it is one.
  let flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY);
  if (append) flags |= O_APPEND;
  if (create) flags |= O_CREAT;
  if (exclusive) flags |= O_EXCL;
  return flags;
}

/** Opens the last name; one that is a link is followed by the walk. */
async function throughLinks(walk: Walk, work: () => Promise<number>): Promise<number> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (walk.name === undefined || !hasCode(error, 'ELOOP', 'EMLINK')) throw error;
      await walk.follow();
      if (walk.name === undefined) throw failure();
    }
  }
}

async function whileHeld<Result>(anchor: Anchor, use: (anchor: Anchor) => Promise<Result>): Promise<Result> {
  try {
    return await use(anchor);
  } finally {
    letGo(anchor);
  }
}

async function exists(path: Buffer): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** A link must not lead out of its export, which is `depth` directories above it. @throws StatusError */
function checkTarget(target: Buffer, depth: number): void {
  if (isAbsolute(target)) throw denied();
  let at = depth;
  for (const segment of segmentsOf(target)) {
    at += isParent(segment) ? -1 : 1;
    if (at < 0) throw denied();
  }
}
