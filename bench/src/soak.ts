/**
 * Hours of calls on one connection, to see whether anything grows: memory of the server after garbage collection, and
 * the time of a call.
 *
 * @module
 */

import type { Pair, Progress } from './measure.ts';
import { start, stop } from './measure.ts';
import { scenarios } from './scenarios.ts';
import { median } from './statistics.ts';
import { rounded } from './table.ts';

/** One look, at the end of a stretch of calls. Bytes. */
interface Look {
  readonly callsPerSecond: number;
  readonly js: number;
  readonly resident: number;
}

/** Looks in all; the first of them is warm-up. */
const looks = 31;
const MiB = 1024 * 1024;
/** JavaScript memory of the last third over that of the first, beyond which it grows. */
const growth = 2 * MiB;

async function look(pair: Pair, seconds: number): Promise<Look> {
  const { count, seconds: took } = await pair.client.call(
    'run',
    [{ kind: 'echo', inFlight: 64 }, seconds],
    60 + 2 * seconds,
  );
  const { js, resident } = await pair.server.call('memory', []);
  return { callsPerSecond: count / took, js, resident };
}

/** Whether memory stayed flat over so many minutes of calls, 64 in flight. */
export async function soak(minutes: number, progress: Progress): Promise<boolean> {
  const scenario = scenarios.find(({ name }) => name === 'unary-64');
  if (scenario === undefined) throw new Error('expected the row unary-64');
  const pair = await start('quic', scenario);
  const seen: Look[] = [];
  try {
    for (let n = 0; n < looks; n++) {
      const one = await look(pair, (minutes * 60) / looks);
      seen.push(one);
      const at = ((minutes * (n + 1)) / looks).toFixed(1);
      progress(
        `${at} min: ${rounded(one.callsPerSecond)} calls/s, JavaScript ${rounded(one.js / MiB)} MiB, resident ${rounded(one.resident / MiB)} MiB`,
      );
    }
  } finally {
    await stop(pair);
  }
  const third = (looks - 1) / 3;
  const first = median(seen.slice(1, 1 + third).map(({ js }) => js));
  const last = median(seen.slice(-third).map(({ js }) => js));
  const flat = last - first < growth;
  const change = `JavaScript memory ${rounded(first / MiB)} MiB in the first third, ${rounded(last / MiB)} MiB in the last`;
  progress(flat ? `flat: ${change}` : `it grows: ${change}`);
  return flat;
}
