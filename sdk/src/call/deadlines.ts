/**
 * Deadlines of many calls on few timers: a deadline is rounded up to the next 20 ms and shares the timer of that
 * moment, so it is never early and little late (`docs/spec/call.md` 9 allows 50 ms).
 *
 * @module
 */

import { type Placed, Roster } from '../roster.ts';
import { performance, type Timer, timer } from './time.ts';

const granularity = 20;
/** Longest delay that a timer of Node takes. */
const maxDelay = 2 ** 31 - 1;

export interface Deadline {
  cancel(): void;
}

interface Moment {
  readonly at: number;
  readonly waiting: Roster<Waiting>;
  timer: Timer;
}

class Waiting implements Deadline, Placed {
  place = -1;
  readonly #moment: Moment;
  readonly expire: () => void;

  constructor(moment: Moment, expire: () => void) {
    this.#moment = moment;
    this.expire = expire;
    moment.waiting.add(this);
  }

  cancel(): void {
    const moment = this.#moment;
    if (moment.waiting.delete(this) && moment.waiting.size === 0) retire(moment);
  }
}

const moments = new Map<number, Moment>();
/** One moment without deadlines may keep its timer: calls one after another then share it instead of making their own. */
let spare: Moment | undefined;

/** Calls back at `at`, a `performance.now()` time, unless cancelled. The timers keep no process alive. */
export function deadline(at: number, expire: () => void): Deadline {
  const rounded = Math.ceil(at / granularity) * granularity;
  let moment = moments.get(rounded);
  if (moment === undefined) {
    moment = make(rounded);
    moments.set(rounded, moment);
  }
  return new Waiting(moment, expire);
}

/** Moments that have a timer, those without deadlines included. */
export function armedMoments(): number {
  return moments.size;
}

function make(at: number): Moment {
  const moment: Moment = { at, waiting: new Roster(), timer: arm(at, () => fire(moment)) };
  return moment;
}

function arm(at: number, fired: () => void): Timer {
  return timer(fired, Math.min(maxDelay, Math.max(1, Math.ceil(at - performance.now()))));
}

function fire(moment: Moment): void {
  // Timers may fire a fraction of a millisecond early.
  if (performance.now() < moment.at) {
    moment.timer = arm(moment.at, () => fire(moment));
    return;
  }
  moments.delete(moment.at);
  if (spare === moment) spare = undefined;
  for (const waiting of moment.waiting) if (moment.waiting.delete(waiting)) waiting.expire();
}

function retire(moment: Moment): void {
  if (moments.get(moment.at) !== moment) return;
  const before = spare;
  spare = moment;
  if (before === undefined || before === moment || before.waiting.size > 0) return;
  clearTimeout(before.timer);
  moments.delete(before.at);
}
