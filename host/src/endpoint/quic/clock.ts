/**
 * Time as the pure parts of QUIC see it: what it is now, and a call when it is later. A test puts a clock of its own in
 * its place, whose hours pass in a moment.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';

/** A call that is still to come. */
export interface Timer {
  cancel(): void;
  /** It alone keeps no process alive. */
  unref(): void;
}

export interface Clock {
  /** Milliseconds. Never steps, whatever happens to the time of day. */
  now(): number;
  /** Calls `ring` once, never in this turn and never early, but late when the process is busy. */
  after(milliseconds: number, ring: () => void): Timer;
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(milliseconds: number, ring: () => void) {
    this.#timeout = setTimeout(ring, milliseconds);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  unref(): void {
    this.#timeout.unref();
  }
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, ring) => new SystemTimer(milliseconds, ring),
};
