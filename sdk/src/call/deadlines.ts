/**
 * Deadlines of many calls on few timers: a deadline is rounded up to the next 20 ms and shares the timer of that
 * moment, so it is never early and little late (`docs/spec/call.md` 9 allows 50 ms).
 *
 * @module
 */

import { performance } from 'node:perf_hooks';

const granularity = 20;
/** Longest delay that a timer of Node takes. */
const maxDelay = 2 ** 31 - 1;

export interface Deadline {
  cancel(): void;
}

const moments = new Map<number, Set<() => void>>();

/** Calls back at `at`, a `performance.now()` time, unless cancelled. The timers keep no process alive. */
export function deadline(at: number, expire: () => void): Deadline {
  const moment = Math.ceil(at / granularity) * granularity;
  let waiting = moments.get(moment);
  if (waiting === undefined) {
    waiting = new Set();
    moments.set(moment, waiting);
    arm(moment, waiting);
  }
  const set = waiting;
  set.add(expire);
  return { cancel: () => void set.delete(expire) };
}

function arm(moment: number, waiting: Set<() => void>): void {
  const timer = setTimeout(
    () => {
      // Timers may fire a fraction of a millisecond early.
      if (performance.now() < moment) return arm(moment, waiting);
      moments.delete(moment);
      for (const expire of waiting) expire();
    },
    Math.min(maxDelay, Math.max(1, Math.ceil(moment - performance.now()))),
  );
  timer.unref();
}
