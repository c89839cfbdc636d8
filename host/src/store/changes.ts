/**
 * Tells watchers of the store what changed: each change once, and in the order of the writes.
 *
 * @module
 */

import { type StoreChange, StoreError } from '@alknet/sdk';

/** Changes that wait for one watcher; beyond, it is told that it lost count and must list anew. */
const maxWaiting = 65_536;

export class ChangeFeed {
  private readonly watchers = new Set<Watcher>();

  emit(change: StoreChange): void {
    for (const watcher of this.watchers) watcher.push(change);
  }

  /** Begins with this call, not with the first `next`. */
  watch(prefix: string, signal: AbortSignal): AsyncIterableIterator<StoreChange> {
    const watcher = new Watcher(prefix, () => this.watchers.delete(watcher));
    if (signal.aborted) watcher.end();
    else {
      this.watchers.add(watcher);
      signal.addEventListener('abort', () => watcher.end(), { once: true });
    }
    return watcher;
  }

  close(): void {
    for (const watcher of this.watchers) watcher.end();
  }
}

type Result = IteratorResult<StoreChange, undefined>;

class Watcher implements AsyncIterableIterator<StoreChange> {
  private readonly prefix: string;
  private readonly ended: () => void;
  private readonly changes: StoreChange[] = [];
  private readonly waiting: ((result: Result) => void)[] = [];
  private over = false;
  private overrun = false;

  constructor(prefix: string, ended: () => void) {
    this.prefix = prefix;
    this.ended = ended;
  }

  push(change: StoreChange): void {
    if (!change.key.startsWith(this.prefix) || this.overrun) return;
    const resolve = this.waiting.shift();
    if (resolve !== undefined) resolve({ done: false, value: change });
    else if (this.changes.length < maxWaiting) this.changes.push(change);
    else {
      this.overrun = true;
      this.ended();
    }
  }

  async next(): Promise<Result> {
    const value = this.changes.shift();
    if (value !== undefined) return { done: false, value };
    if (this.overrun && !this.over) {
      this.over = true;
      throw new StoreError(
        'STORE_FAILED',
        `a watcher of ${JSON.stringify(this.prefix)} fell ${maxWaiting} changes behind; list again and watch anew`,
      );
    }
    if (this.over) return { done: true, value: undefined };
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async return(): Promise<Result> {
    this.end();
    return { done: true, value: undefined };
  }

  end(): void {
    this.over = true;
    this.changes.length = 0;
    this.ended();
    for (const resolve of this.waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
