/**
 * Threads for the instances of one plugin, begun before there is code for them: making one takes longer than bundling a
 * plugin. `docs/spec/config.md` 6.3.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import { type ThreadOptions, WorkerThread } from './worker-thread.ts';

export class ThreadSupply {
  #next: WorkerThread | undefined;
  #closed = false;

  /** Begins the thread that `take` gives next, unless one that fits is there. */
  prepare(options: ThreadOptions): void {
    if (this.#closed || fits(this.#next, options)) return;
    void this.discard();
    this.#next = new WorkerThread(options);
  }

  /** A thread without any code of a plugin in it yet; who takes it closes it. */
  take(options: ThreadOptions): WorkerThread {
    this.prepare(options);
    const next = this.#next ?? new WorkerThread(options);
    this.#next = undefined;
    return next;
  }

  /** Ends the thread that nobody took, if any. */
  async discard(): Promise<void> {
    const unused = this.#next;
    this.#next = undefined;
    await unused?.close();
  }

  /** The same for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.discard();
  }
}

function fits(thread: WorkerThread | undefined, options: ThreadOptions): boolean {
  return thread !== undefined && !thread.isOver && isDeepStrictEqual(thread.options, options);
}
