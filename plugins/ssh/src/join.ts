/**
 * Two byte streams joined, with half-close in both directions. `docs/spec/ssh.md` 7.6.
 *
 * @module
 */

import type { Duplex } from 'node:stream';

/**
 * Carries bytes both ways until both streams are over. The end of one side is passed on as the end of that direction
 * alone; a failure of either side ends both. Never rejects, and never says what failed: the log must not hold it.
 */
export async function join(a: Duplex, b: Duplex): Promise<void> {
  const over = (mine: Duplex, theirs: Duplex) =>
    new Promise<void>((resolve) => {
      const closed = () => {
        // A clean end has reached the other side already, which may still be sending what it was given; anything else
        // was cut off, and so is what goes on.
        if (!mine.readableEnded || !mine.writableFinished) theirs.destroy();
        resolve();
      };
      mine.on('error', () => theirs.destroy());
      if (mine.closed) closed();
      else mine.once('close', closed);
    });
  const both = Promise.all([over(a, b), over(b, a)]);
  a.pipe(b);
  b.pipe(a);
  await both;
}
