/**
 * One export as one session sees it: the directory that it holds, and what may be done there.
 *
 * @module
 */

import { realpath } from 'node:fs/promises';
import { denied } from '../session/status.ts';
import { type Anchor, checkPlatform, holdUnchecked, letGo, placeOf } from './anchor.ts';

export type ExportMode = 'ro' | 'rw';

const slash = Buffer.from('/');

export class Root {
  readonly name: string;
  readonly anchor: Anchor;
  /** Where it was when it was opened, as the kernel tells; nothing where it does not. */
  readonly place: Buffer | undefined;
  mode: ExportMode;
  /** The export is no longer one: every request on it is refused. */
  isRevoked = false;

  constructor(name: string, mode: ExportMode, anchor: Anchor, place: Buffer | undefined) {
    this.name = name;
    this.mode = mode;
    this.anchor = anchor;
    this.place = place;
  }

  /** @throws the error of the system call, or Error when the platform cannot hold it safely */
  static async open(name: string, mode: ExportMode, path: string): Promise<Root> {
    const anchor = await holdUnchecked(Buffer.from(await realpath(path)));
    try {
      await checkPlatform(anchor);
      const place = placeOf(anchor);
      // What stands before a slash: nothing, for `/` itself.
      return new Root(name, mode, anchor, place?.equals(slash) ? Buffer.alloc(0) : place);
    } catch (error) {
      letGo(anchor);
      throw error;
    }
  }

  /** @throws StatusError when it is no longer this session's */
  checkUse(): void {
    if (this.isRevoked) throw denied();
  }

  /** @throws StatusError when nothing may be changed */
  checkChange(): void {
    if (this.isRevoked || this.mode === 'ro') throw denied();
  }

  close(): void {
    letGo(this.anchor);
  }
}
