/**
 * When a plugin whose thread has ended is started again, and when no more. `docs/spec/config.md` 6.4.
 *
 * @module
 */

/** Milliseconds. */
const window = 5 * 60_000;
const most = 5;
const longest = 60_000;

/** 1, 2, 4 … 60 seconds. */
export function restartDelay(ends: number): number {
  return Math.min(longest, 1000 * 2 ** (ends - 1));
}

export class Restarts {
  readonly #delay: (ends: number) => number;
  /** Times of `performance.now()`. */
  #recent: number[] = [];
  /** In a row, each less than the window after the one before. */
  #row = 0;

  constructor(delay: (ends: number) => number) {
    this.#delay = delay;
  }

  /** One more end: milliseconds until the next start, or `undefined` when there were too many. */
  ended(now = performance.now()): number | undefined {
    const last = this.#recent.at(-1);
    this.#recent = [...this.#recent.filter((at) => now - at < window), now];
    this.#row = last !== undefined && now - last < window ? this.#row + 1 : 1;
    return this.#recent.length >= most ? undefined : this.#delay(this.#row);
  }

  /** The operator has changed or reloaded it. */
  forget(): void {
    this.#recent = [];
    this.#row = 0;
  }
}
