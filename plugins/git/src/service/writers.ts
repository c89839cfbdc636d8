/**
 * Who writes to a repository: any number of pushes, or its maintenance; and what a killed writer has left.
 * `docs/spec/git.md` 5 and 6.
 *
 * @module
 */

import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

interface State {
  pushes: number;
  /** It is being renamed or removed, by so many at once. */
  going: number;
  maintenance: AbortController | undefined;
  /** Settles when maintenance or clearing up has ended; a push waits for it. */
  cleared: Promise<void>;
  /** A writer was killed. */
  broken: boolean;
}

/** Milliseconds: what is older than that belongs to no writer of this node. */
const staleAfter = 3_600_000;

export class Writers {
  private readonly states = new Map<string, State>();

  /** Ends a maintenance under way: it can be begun again at any time. */
  async beginPush(directory: string): Promise<(broken: boolean) => Promise<void>> {
    const state = this.state(directory);
    state.pushes++;
    state.maintenance?.abort();
    await state.cleared;
    if (state.pushes === 1) await sweep(directory, Date.now() - staleAfter);
    return async (broken) => {
      state.broken ||= broken;
      if (state.pushes === 1 && state.broken) {
        state.broken = false;
        // No other writes, and one that comes now waits.
        state.cleared = sweep(directory, Number.POSITIVE_INFINITY);
        await state.cleared;
      }
      state.pushes--;
      this.forget(directory, state);
    };
  }

  isBusy(directory: string): boolean {
    const state = this.states.get(directory);
    return state !== undefined && isInUse(state);
  }

  /** Ends a maintenance under way, and lets none begin while `work` renames or removes the repository. @throws what it throws */
  async during<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
    const state = this.state(directory);
    state.going++;
    state.maintenance?.abort();
    try {
      await state.cleared;
      return await work();
    } finally {
      state.going--;
      this.forget(directory, state);
    }
  }

  /** Runs `work` unless somebody writes; its signal aborts when a push comes, or the repository goes. */
  async maintain(
    directory: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    if (this.isBusy(directory)) return false;
    const state = this.state(directory);
    const controller = new AbortController();
    state.maintenance = controller;
    const running = work(AbortSignal.any([signal, controller.signal]));
    state.cleared = running.catch(() => {});
    try {
      await running;
      return true;
    } finally {
      state.maintenance = undefined;
      this.forget(directory, state);
    }
  }

  private state(directory: string): State {
    let state = this.states.get(directory);
    if (state === undefined) {
      state = { pushes: 0, going: 0, maintenance: undefined, cleared: Promise.resolve(), broken: false };
      this.states.set(directory, state);
    }
    return state;
  }

  private forget(directory: string, state: State): void {
    if (!isInUse(state)) this.states.delete(directory);
  }
}

function isInUse({ pushes, going, maintenance }: State): boolean {
  return pushes > 0 || going > 0 || maintenance !== undefined;
}

const locks = /^(?:HEAD|packed-refs|config|shallow)\.lock$/;

/** Removes quarantines, temporary packs and locks that were made before a time, in milliseconds since the epoch. */
async function sweep(directory: string, before: number): Promise<void> {
  const drop = async (path: string) => {
    const made = await stat(path).catch(() => undefined);
    if (made !== undefined && made.mtimeMs < before) await rm(path, { recursive: true, force: true });
  };
  const objects = join(directory, 'objects');
  for (const name of await names(objects)) if (/^tmp_objdir-/.test(name)) await drop(join(objects, name));
  const packs = join(objects, 'pack');
  for (const name of await names(packs)) {
    const path = join(packs, name);
    // A pack that a push keeps from being packed anew, which it undoes at its end. Others may keep theirs.
    const kept =
      name.endsWith('.keep') && (await readFile(path, 'utf8').catch(() => '')).startsWith('receive-pack');
    if (kept || /^(?:tmp_|\.tmp-)/.test(name)) await drop(path);
  }
  for (const name of await names(directory)) if (locks.test(name)) await drop(join(directory, name));
  await sweepRefs(join(directory, 'refs'), drop);
}

async function sweepRefs(path: string, drop: (path: string) => Promise<void>): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) await sweepRefs(below, drop);
    // No ref ends in .lock.
    else if (entry.name.endsWith('.lock')) await drop(below);
  }
}

async function names(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
