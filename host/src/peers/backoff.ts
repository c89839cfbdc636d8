/**
 * How long to wait before a lost peer is dialled again. Pure. `docs/spec/registry.md` 13.1.
 *
 * @module
 */

const first = 1_000;
const longest = 60_000;
/** Milliseconds online after which a loss counts as the first one. */
export const settledAfter = 60_000;

/** Milliseconds before attempt `failures + 1`: 1, 2, 4 … 60 s, each × 0.8 … 1.2. `random` is from 0 to 1. */
export function waitAfter(failures: number, random: number): number {
  const base = Math.min(longest, first * 2 ** Math.min(failures - 1, 16));
  return base * (0.8 + 0.4 * random);
}

/** Between attempts at a remote that refuses this node: only a change there or here mends it. */
export const refusedWait = longest;
