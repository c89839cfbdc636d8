/**
 * Who is let go when the process holds more memory than it may: the newest connections that nobody has vouched for.
 * `docs/spec/endpoint.md` 11. Pure; how much is resident comes in.
 *
 * @module
 */

import type { HostConnection } from './host-connection.ts';

/** Of those that may be ended, the part that is ended in one look; at least one. */
const part = 1 / 8;

export class MemoryWatch {
  #isPressed = false;

  /** Whether the last look found too much. Nobody without an identity is let in meanwhile. */
  get isPressed(): boolean {
    return this.#isPressed;
  }

  /**
   * One look; the connections to be ended, the newest first. Only what a stranger opened here: a connection with an
   * identity, a dialled one, or one that rests inside another is never among them.
   *
   * @param connections the oldest first
   * @param resident bytes of the process in memory
   */
  look(connections: Iterable<HostConnection>, resident: number, limit: number): HostConnection[] {
    this.#isPressed = resident > limit;
    if (!this.#isPressed) return [];
    const strangers = [...connections].filter(
      ({ direction, identity }) => direction === 'accepted' && identity === null,
    );
    return strangers.slice(strangers.length - Math.ceil(strangers.length * part)).reverse();
  }
}
