/**
 * Two byte streams joined, with half-close in both directions. `docs/spec/ssh.md` 7.6.
 *
 * @module
 */

import type { Duplex } from 'node:stream';

/**
 * Carries bytes both ways until both directions have ended. The end of one side is passed on as the end of that direction
 * alone; a failure of either side ends both. Never rejects, and never says what failed: the log must not hold it.
 */
export function join(a: Duplex, b: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const closed = () => {
      if (--open === 0) resolve();
    };
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.once('close', () => {
        // Without its end, what came was cut off, and so is what goes on.
        if (!from.readableEnded || !to.writable) to.destroy();
        else to.end();
        closed();
      });
      from.on('error', () => from.destroy());
      if (from.destroyed) to.destroy();
      else from.pipe(to);
    }
    if (a.destroyed) closed();
    if (b.destroyed) closed();
  });
}
