/** The clock that the operations read and set: the time of the machine, and how far it was shifted. */

import type { Store } from '@alknet/sdk';

const key = 'shift';

export interface Clock {
  /** Milliseconds between two ticks. */
  everyMs: number;
  now(): Date;
  /** Adds to the shift and keeps it. Gives the whole shift, in seconds. */
  shift(seconds: number): Promise<number>;
}

/** What was kept in the store of the plugin outlives a restart of the node. */
export async function readClock(store: Store, everyMs: number): Promise<Clock> {
  const kept = await store.get(key);
  let shifted = kept === undefined ? 0 : Number(new TextDecoder().decode(kept.value));
  return {
    everyMs,
    now: () => new Date(Date.now() + shifted * 1000),
    shift: async (seconds) => {
      const next = shifted + seconds;
      await store.put(key, new TextEncoder().encode(String(next)));
      shifted = next;
      return next;
    },
  };
}
