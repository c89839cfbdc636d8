/**
 * Answers of one session whose last bytes are written and wait for the client's window. One timer serves them all.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import { type Placed, Roster } from '@alknet/sdk';

export interface UntakenAnswer extends Placed {
  /** `performance.now()` milliseconds when all of it was written. */
  readonly writtenAt: number;
  /** The client has not taken it in time. */
  giveUp(): void;
}

export class UntakenAnswers {
  readonly #answers = new Roster<UntakenAnswer>();
  readonly #limit: () => number;
  #timer: NodeJS.Timeout | undefined;

  /** `limit`: milliseconds that one may wait, `http.limits.answerTimeout`. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  add(answer: UntakenAnswer): void {
    this.#answers.add(answer);
    if (this.#timer !== undefined) return;
    const limit = this.#limit();
    this.#lookIn(limit, limit);
  }

  delete(answer: UntakenAnswer): void {
    this.#answers.delete(answer);
  }

  /** Nobody is given up any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #lookIn(wait: number, limit: number): void {
    this.#timer = setTimeout(() => this.#look(limit), wait).unref();
  }

  #look(limit: number): void {
    this.#timer = undefined;
    const now = performance.now();
    let longest = 0;
    for (const answer of this.#answers) {
      const waited = now - answer.writtenAt;
      if (waited >= limit) answer.giveUp();
      else longest = Math.max(longest, waited);
    }
    if (this.#answers.size > 0) this.#lookIn(limit - longest + 1, limit);
  }
}
