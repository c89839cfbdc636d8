/**
 * Open directories: one of the host, and `/` with the exports.
 *
 * @module
 */

import type { Dir, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import type { Attributes, FileSystemStatistics } from '../codec/index.ts';
import type { Entry, OpenDirectory } from '../session/file-system.ts';
import { type Anchor, childOf, letGo } from './anchor.ts';
import type { Root } from './root.ts';
import { attributesOf, statisticsAt } from './stats.ts';
import { fstat } from './system.ts';

const self = Buffer.from('.');
const parent = Buffer.from('..');

export class HostListing implements OpenDirectory {
  readonly #anchor: Anchor;
  readonly #root: Root;
  readonly #entries: Dir;
  /** `.` and `..`, until they have been told. */
  #dots: Entry[];

  private constructor(anchor: Anchor, root: Root, entries: Dir, dots: Entry[]) {
    this.#anchor = anchor;
    this.#root = root;
    this.#entries = entries;
    this.#dots = dots;
  }

  /** Takes the held directory over. `above`: of the directory above it, as the client sees it. */
  static async of(anchor: Anchor, root: Root, above: Attributes): Promise<HostListing> {
    try {
      const found = await fstat(anchor.fd);
      const dots = [entryOf(self, found), { name: parent, attributes: above, links: 1 }];
      return new HostListing(anchor, root, await openEntries(anchor), dots);
    } catch (error) {
      letGo(anchor);
      throw error;
    }
  }

  async next(count: number): Promise<readonly Entry[]> {
    this.#root.checkUse();
    const dots = this.#dots;
    this.#dots = [];
    const names: Buffer[] = [];
    while (names.length < count - dots.length) {
      const entry = await this.#entries.read();
      if (entry === null) break;
      names.push(Buffer.from(entry.name));
    }
    return [...dots, ...(await Promise.all(names.map((name) => this.#entry(name))))];
  }

  async #entry(name: Buffer): Promise<Entry> {
    try {
      return entryOf(name, await lstat(childOf(this.#anchor, name)));
    } catch {
      // Gone meanwhile, or not ours to look at: it was there.
      return { name, attributes: {}, links: 1 };
    }
  }

  async attributes(): Promise<Attributes> {
    this.#root.checkUse();
    return attributesOf(await fstat(this.#anchor.fd));
  }

  statistics(): Promise<FileSystemStatistics> {
    this.#root.checkUse();
    return statisticsAt(this.#anchor.path, this.#root.mode === 'ro');
  }

  async close(): Promise<void> {
    try {
      await this.#entries.close();
    } finally {
      letGo(this.#anchor);
    }
  }
}

/**
 * Names as bytes. Node's types know opendir with text alone; text would also do, but where the file system does not tell
 * the type of an entry Node asks for it by the name as it gives it.
 */
function openEntries({ path }: Anchor): Promise<Dir> {
  return Reflect.apply(opendir, undefined, [path.toString(), { encoding: 'buffer', bufferSize: 128 }]);
}

export class ExportListing implements OpenDirectory {
  #entries: Entry[];
  readonly #attributes: Attributes;
  readonly #statistics: () => Promise<FileSystemStatistics>;

  constructor(entries: Entry[], attributes: Attributes, statistics: () => Promise<FileSystemStatistics>) {
    this.#entries = entries;
    this.#attributes = attributes;
    this.#statistics = statistics;
  }

  async next(count: number): Promise<readonly Entry[]> {
    return this.#entries.splice(0, count);
  }

  async attributes(): Promise<Attributes> {
    return this.#attributes;
  }

  statistics(): Promise<FileSystemStatistics> {
    return this.#statistics();
  }

  async close(): Promise<void> {}
}

export function entryOf(name: Buffer, found: Stats): Entry {
  return { name, attributes: attributesOf(found), links: found.nlink };
}
