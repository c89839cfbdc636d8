/**
 * From a path to the held directory that has its last name, piece by piece and never through anything but a directory: a
 * link is read and its text is walked here, so it can lead nowhere that a path cannot. `docs/spec/sftp.md` 5.
 *
 * @module
 */

import { readlink } from 'node:fs/promises';
import { isAbsolute, isParent, segmentsOf } from '../session/paths.ts';
import { denied, failure, noSuchFile } from '../session/status.ts';
import { type Anchor, childOf, holdDirectory, holdUnchecked, letGo, placeOf } from './anchor.ts';
import type { Root } from './root.ts';
import { hasCode } from './system.ts';

const maxLinks = 40;
/** Directories held one after the other for one path. `a/../a/../…` walks from the root at each `..`. */
const maxSteps = 2048;

export interface WalkRules {
  readonly roots: ReadonlyMap<string, Root>;
  readonly followLinks: boolean;
}

interface Step {
  readonly segment: Buffer;
  /** It stands in a link of the export, and must not lead out of it. */
  readonly ofLink: boolean;
}

/** Where a path leads. It holds a directory until `end`. */
export class Walk {
  /** The export that the path is in; nothing: `/`, which has no file of the host behind it. */
  root: Root | undefined;
  /** The last name, in the directory that is held; nothing: that directory itself. */
  name: Buffer | undefined;
  readonly #rules: WalkRules;
  readonly #todo: Step[];
  /** Names from the root to the held directory, all of them directories. */
  #names: Buffer[] = [];
  #held: Anchor | undefined;
  #links = 0;
  #steps = 0;

  private constructor(rules: WalkRules, segments: readonly Buffer[]) {
    this.#rules = rules;
    this.#todo = segments.map((segment) => ({ segment, ofLink: false }));
  }

  /**
   * Walks to the last name, which is not looked at.
   * @throws StatusError, or the error of a system call; nothing is held then
   */
  static async begin(rules: WalkRules, segments: readonly Buffer[]): Promise<Walk> {
    const walk = new Walk(rules, segments);
    await walk.#guarded(() => walk.#go());
    return walk;
  }

  /** Runs `use` and lets go, whatever comes of it. */
  static async to<Result>(
    rules: WalkRules,
    segments: readonly Buffer[],
    use: (walk: Walk) => Promise<Result>,
  ): Promise<Result> {
    const walk = await Walk.begin(rules, segments);
    try {
      return await use(walk);
    } finally {
      walk.end();
    }
  }

  /** The held directory. */
  get directory(): Anchor {
    const directory = this.#held ?? this.root?.anchor;
    if (directory === undefined) throw noSuchFile();
    return directory;
  }

  /** Number of directories between the export's root and the held one. */
  get depth(): number {
    return this.#names.length;
  }

  /** A path to what the walk has led to, by the held directory. A last name that is a link is not followed. */
  get path(): Buffer {
    return this.name === undefined ? this.directory.path : childOf(this.directory, this.name);
  }

  /** Goes on through the last name, which is a link. @throws StatusError; `EINVAL` when it is none any more */
  async follow(): Promise<void> {
    const { name } = this;
    if (name === undefined) throw failure();
    this.name = undefined;
    await this.#guarded(async () => {
      await this.#enterLink(name);
      await this.#go();
    });
  }

  /** Goes into the last name as if more came behind it. @throws `NO_SUCH_FILE` when it is no directory */
  async descend(): Promise<void> {
    while (this.name !== undefined) {
      const { name } = this;
      this.name = undefined;
      await this.#guarded(async () => {
        await this.#down(name);
        if (this.#todo.length > 0) await this.#go();
      });
    }
  }

  /** The directory above the held one, as the client sees it. Held anew; nothing at an export's root. */
  async holdParent(): Promise<Anchor | undefined> {
    const { root } = this;
    if (root === undefined || this.#names.length === 0) return undefined;
    return this.#holdFromRoot(root, this.#names.slice(0, -1));
  }

  /** Hands the held directory over: it is the caller's to let go. */
  async takeDirectory(): Promise<Anchor> {
    const root = this.root;
    if (root === undefined) throw noSuchFile();
    const held = this.#held ?? (await this.#holdFromRoot(root, []));
    this.#held = undefined;
    return held;
  }

  end(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) letGo(held);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  async #go(): Promise<void> {
    if (this.root === undefined) this.#enterExport();
    await this.#leap();
    for (let step = this.#todo.shift(); step !== undefined; step = this.#todo.shift()) {
      if (isParent(step.segment)) await this.#up(step);
      else if (this.root === undefined) {
        this.#todo.unshift(step);
        this.#enterExport();
      } else if (this.#todo.length === 0) {
        this.name = step.segment;
        return;
      } else await this.#down(step.segment);
    }
  }

  /** From `/` into the export that the next segment names. */
  #enterExport(): void {
    while (this.#todo[0] !== undefined && isParent(this.#todo[0].segment)) this.#todo.shift();
    const step = this.#todo.shift();
    if (step === undefined) return;
    const root = this.#rules.roots.get(step.segment.toString('latin1'));
    if (root === undefined) throw noSuchFile();
    root.checkUse();
    this.root = root;
  }

  /**
   * Takes all directories of the path at once, where the kernel tells where what it opened is: exactly at these names
   * below the root, no link can have been on the way. Anything else is walked.
   */
  async #leap(): Promise<void> {
    const { root } = this;
    if (root?.place === undefined || this.#held !== undefined) return;
    const between = this.#todo.slice(0, -1).map(({ segment }) => segment);
    const last = this.#todo.at(-1)?.segment;
    if (between.length === 0 || last === undefined || [...between, last].some(isParent)) return;
    const below = between.flatMap((segment) => [Buffer.from('/'), segment]);
    let held: Anchor;
    try {
      held = await holdUnchecked(Buffer.concat([root.anchor.path, ...below]));
    } catch {
      // The walk finds the reason, and tells it.
      return;
    }
    const place = placeOf(held);
    if (place === undefined || !place.equals(Buffer.concat([root.place, ...below]))) {
      letGo(held);
      return;
    }
    this.#held = held;
    this.#names = between;
    this.#todo.splice(0, between.length);
  }

  async #down(segment: Buffer): Promise<void> {
    if (++this.#steps > maxSteps) throw failure();
    let next: Anchor;
    try {
      next = await holdDirectory(childOf(this.directory, segment));
    } catch (error) {
      if (!hasCode(error, 'ENOTDIR', 'ELOOP', 'EMLINK')) throw error;
      return this.#enterLink(segment);
    }
    this.end();
    this.#held = next;
    this.#names.push(segment);
  }

  async #up({ ofLink }: Step): Promise<void> {
    const { root } = this;
    if (root === undefined) return;
    if (this.#names.length === 0) {
      // Above an export is `/`, for a path. A link of the export must not know.
      if (ofLink) throw denied();
      this.root = undefined;
      return;
    }
    const names = this.#names.slice(0, -1);
    const held = names.length === 0 ? undefined : await this.#holdFromRoot(root, names);
    this.end();
    this.#held = held;
    this.#names = names;
  }

  /** By name from the root, and not by `..` from below: what was moved away must not take us along. */
  async #holdFromRoot(root: Root, names: readonly Buffer[]): Promise<Anchor> {
    let held = await holdDirectory(Buffer.concat([root.anchor.path, Buffer.from('/.')]));
    for (const name of names) {
      let next: Anchor;
      try {
        if (++this.#steps > maxSteps) throw failure();
        next = await holdDirectory(childOf(held, name));
      } finally {
        letGo(held);
      }
      held = next;
    }
    return held;
  }

  /** Puts the text of a link in place of its name. */
  async #enterLink(name: Buffer): Promise<void> {
    let text: Buffer;
    try {
      text = await readlink(childOf(this.directory, name), { encoding: 'buffer' });
    } catch (error) {
      // No link, and no directory either.
      if (hasCode(error, 'EINVAL')) throw noSuchFile();
      throw error;
    }
    if (!this.#rules.followLinks || isAbsolute(text)) throw denied();
    if (++this.#links > maxLinks) throw failure();
    this.#todo.unshift(...segmentsOf(text).map((segment) => ({ segment, ofLink: true })));
  }
}
