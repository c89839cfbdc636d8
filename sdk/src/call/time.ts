/**
 * Clock and timers, in Node.js as in a browser.
 *
 * @module
 */

/** Held here, as Node makes the global one a getter. */
export const { performance } = globalThis;

export type Timer = ReturnType<typeof setTimeout>;

/** A timer that keeps no process alive; browsers have none that would. */
export function timer(fired: () => void, milliseconds: number): Timer {
  const made = setTimeout(fired, milliseconds);
  if (typeof made === 'object') made.unref();
  return made;
}
