/**
 * Another try with a node that lets nobody in right now: so many shake hands at once from one address, behind which may be
 * a hundred machines, that it is at a limit. `docs/spec/cli.md` 2.
 *
 * @module
 */

import { setTimeout } from 'node:timers/promises';

/** Milliseconds before each further attempt. */
const pauses = [100, 200, 400, 800];

/**
 * `attempt` is given the milliseconds that are left of `timeoutMs`, and runs again while it is refused and a pause fits in.
 * @throws what the last attempt throws
 */
export async function patiently<Result>(
  timeoutMs: number,
  signal: AbortSignal,
  attempt: (timeoutMs: number) => Promise<Result>,
): Promise<Result> {
  const begun = performance.now();
  const left = () => timeoutMs - (performance.now() - begun);
  for (const pause of pauses) {
    try {
      return await attempt(left());
    } catch (error) {
      // By chance, so that those who were refused together do not come back together.
      const wait = pause * (0.5 + Math.random());
      if (!isRefusal(error) || signal.aborted || wait >= left()) throw error;
      // What it says of the signal says the next attempt better.
      await setTimeout(wait, undefined, { signal }).catch(() => {});
    }
  }
  return await attempt(left());
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Refused';
}
