/** What others may call: a query, a mutation, a subscription. Input and output are checked against their schemas. */

import { setTimeout as wait } from 'node:timers/promises';
import { CallError, defineOperation, Type } from '@alknet/sdk';
import type { Clock } from './clock.ts';

/** Set by `start()`, which comes before the first call. */
let clock: Clock;

export function useClock(started: Clock): void {
  clock = started;
}

const now = defineOperation({
  name: 'acme-clock/now',
  type: 'query',
  access: 'public',
  description: 'Tells the time.',
  input: Type.Object({}, { additionalProperties: false }),
  output: Type.Object({ iso: Type.String({ format: 'date-time' }) }),
  handler: () => ({ iso: clock.now().toISOString() }),
});

const shift = defineOperation({
  name: 'acme-clock/shift',
  type: 'mutation',
  // Anyone that the node knows. { scopes: ['acme-clock:set'] } would admit only those who have that scope.
  access: 'authenticated',
  description: 'Puts the clock forward or back.',
  input: Type.Object({ seconds: Type.Number() }, { additionalProperties: false }),
  output: Type.Object({ shift: Type.Number({ description: 'in all, in seconds' }) }),
  errors: [{ code: 'TOO_FAR', description: 'The clock would be off by more than a day.', httpStatus: 422 }],
  handler: async ({ seconds }, { log }) => {
    if (Math.abs(seconds) > 86_400) throw new CallError('TOO_FAR', 'expected at most a day, 86400 seconds');
    log.info('clock shifted', { seconds });
    return { shift: await clock.shift(seconds) };
  },
});

const ticks = defineOperation({
  name: 'acme-clock/ticks',
  type: 'subscription',
  access: 'public',
  description: 'Ticks until its caller leaves.',
  input: Type.Object({}, { additionalProperties: false }),
  output: Type.Object({ n: Type.Integer(), iso: Type.String({ format: 'date-time' }) }),
  async *handler(_input, { signal }) {
    for (let n = 1; ; n++) {
      yield { n, iso: clock.now().toISOString() };
      // Aborted when the caller leaves, the plugin is reloaded or the node stops.
      await wait(clock.everyMs, undefined, { signal });
    }
  },
});

export const operations = [now, shift, ticks] as const;
