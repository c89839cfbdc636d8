/**
 * Signals that end a command: what is under way tells the other side first.
 *
 * @module
 */

import { constants } from 'node:os';

/** Milliseconds for that. */
const farewell = 100;

/**
 * Aborts at the first of `signals`, and ends the process as the signal would soon after, or at once when another one
 * comes. Not for `SIGHUP` of what may run under `nohup`: who listens for it is not spared any more.
 */
export function abortOn(
  signals: readonly ('SIGHUP' | 'SIGINT' | 'SIGTERM')[],
  interrupt: AbortController,
): void {
  for (const signal of signals) {
    const code = 128 + constants.signals[signal];
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(code);
      interrupt.abort();
      setTimeout(() => process.exit(code), farewell);
    });
  }
}
