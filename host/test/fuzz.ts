/**
 * What the fuzzers share. Each prints its seed; `ALKNET_FUZZ_SEED` repeats a run, `ALKNET_FUZZ_SECONDS` makes each of
 * them last longer (default 3). `docs/architecture.md`.
 */

import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { collectGarbage } from '../src/endpoint/memory.ts';

export interface Fuzz {
  /** A number from 0 up to, not including, `below`. */
  pick(below: number): number;
  one<T>(of: readonly T[]): T;
  bytes(length: number): Buffer;
  /** Cut, grown, overwritten, spliced with another, some bytes changed, or as it is. */
  mutate(bytes: Buffer, other: Buffer): Buffer;
  /** Whether there is time left. */
  readonly goesOn: boolean;
}

export function fuzz(t: TestContext): Fuzz {
  const seed = Number(process.env['ALKNET_FUZZ_SEED'] ?? (Date.now() % 0x7fffffff) + 1);
  const seconds = Number(process.env['ALKNET_FUZZ_SECONDS'] ?? 3);
  t.diagnostic(`ALKNET_FUZZ_SEED=${seed}`);
  // Marsaglia's xorshift.
  let state = seed;
  const pick = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return below < 1 ? 0 : (state >>> 0) % below;
  };
  const bytes = (length: number) => {
    const made = Buffer.alloc(length);
    for (let at = 0; at < length; at++) made[at] = pick(256);
    return made;
  };
  const mutate = (original: Buffer, other: Buffer) => {
    const mutated = Buffer.from(original);
    switch (pick(6)) {
      case 0:
        return mutated.subarray(0, pick(mutated.length));
      case 1:
        return Buffer.concat([mutated, bytes(pick(200))]);
      case 2:
        return mutated.fill(pick(256), pick(mutated.length));
      case 3:
        return mutated;
      case 4:
        return Buffer.concat([mutated.subarray(0, pick(mutated.length)), other.subarray(pick(other.length))]);
      default:
        for (let i = pick(8); i >= 0; i--) mutated[pick(Math.min(mutated.length, 64))] = pick(256);
        return mutated;
    }
  };
  const end = performance.now() + 1000 * seconds;
  return {
    pick,
    bytes,
    mutate,
    one: (of) => {
      const chosen = of[pick(of.length)];
      if (chosen === undefined) throw new Error('nothing to choose from');
      return chosen;
    },
    get goesOn() {
      return performance.now() < end;
    },
  };
}

/** Bytes that the program holds, once what it has let go is collected: heap, buffers, and what quiche has. */
export async function settledMemory(): Promise<{ readonly held: number; readonly resident: number }> {
  for (let times = 0; times < 3; times++) {
    collectGarbage();
    await wait(20);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, resident: rss };
}
