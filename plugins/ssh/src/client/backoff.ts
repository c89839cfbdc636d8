/**
 * How long to wait before dialling again. Pure. `docs/spec/ssh.md` 8.2.
 *
 * @module
 */

/** Milliseconds. */
const waits = [1000, 2000, 4000, 8000, 16_000, 30_000] as const;
/** A connection that lived this long was a good one, and the waits begin anew. Milliseconds. */
const goodLife = 60_000;

export class Backoff {
  #failures = 0;

  /** The wait after a connection that lived `lived` milliseconds, 0 when there was none. */
  next(lived: number): number {
    if (lived >= goodLife) this.#failures = 0;
    const wait = waits[Math.min(this.#failures, waits.length - 1)] ?? waits[0];
    this.#failures++;
    return wait;
  }
}
