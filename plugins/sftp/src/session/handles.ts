/**
 * The handles of one session: random names for what is open, of no use in any other. `docs/spec/sftp.md` 4.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import type { OpenDirectory, OpenFile } from './file-system.ts';
import { failure } from './status.ts';
import { Turns } from './turns.ts';

interface Open<Kind, Resource> {
  readonly kind: Kind;
  readonly resource: Resource;
  /** Of the requests on this handle. */
  readonly turns: Turns;
}

export type FileHandle = Open<'file', OpenFile>;
export type DirectoryHandle = Open<'directory', OpenDirectory>;
export type Handle = FileHandle | DirectoryHandle;

export class HandleTable {
  readonly #most: number;
  readonly #open = new Map<string, Handle>();
  /** Places promised to what is being opened. */
  #reserved = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#open.size;
  }

  /** A place, before anything is opened. @throws StatusError when all are taken */
  reserve(): void {
    if (this.#open.size + this.#reserved >= this.#most) throw failure('too many open handles');
    this.#reserved++;
  }

  release(): void {
    this.#reserved--;
  }

  addFile(resource: OpenFile): Buffer {
    return this.#add({ kind: 'file', resource, turns: new Turns() });
  }

  addDirectory(resource: OpenDirectory): Buffer {
    return this.#add({ kind: 'directory', resource, turns: new Turns() });
  }

  #add(handle: Handle): Buffer {
    const name = randomBytes(16);
    this.#open.set(name.toString('latin1'), handle);
    return name;
  }

  /** @throws StatusError `invalid handle`, as all look-ups */
  get(name: Buffer): Handle {
    const handle = this.#open.get(name.toString('latin1'));
    if (handle === undefined) throw failure('invalid handle');
    return handle;
  }

  file(name: Buffer): FileHandle {
    const handle = this.get(name);
    if (handle.kind !== 'file') throw failure('invalid handle');
    return handle;
  }

  directory(name: Buffer): DirectoryHandle {
    const handle = this.get(name);
    if (handle.kind !== 'directory') throw failure('invalid handle');
    return handle;
  }

  /** From here on the name means nothing; what is open is the caller's to close. */
  take(name: Buffer): Handle {
    const handle = this.get(name);
    this.#open.delete(name.toString('latin1'));
    return handle;
  }

  takeAll(): Handle[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }
}
