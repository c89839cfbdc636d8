/**
 * Joins a channel with another stream: half-close in both directions, an error of one ends both. `docs/spec/ssh.md` 7.6.
 *
 * @module
 */

import type { Duplex } from 'node:stream';

/** Resolves when both are over. */
export function join(channel: Duplex, other: Duplex): Promise<void> {
  channel.pipe(other);
  other.pipe(channel);
  const end = (mine: Duplex, theirs: Duplex) =>
    new Promise<void>((resolve) => {
      mine.on('error', () => theirs.destroy());
      mine.once('close', () => {
        // A clean end has reached the other side already.
        if (!mine.readableEnded || !mine.writableFinished) theirs.destroy();
        resolve();
      });
    });
  return Promise.all([end(channel, other), end(other, channel)]).then(() => {});
}
