/** The plugin: what it is called, what it needs, what it serves. `package.json` says the same in its field `alknet`. */

import { pipeline } from 'node:stream/promises';
import { definePlugin, Type } from '@alknet/sdk';
import { readClock } from './clock.ts';
import { operations, useClock } from './operations.ts';

export default definePlugin({
  name: 'acme-clock',
  version: '0.1.0',
  alpns: ['acme-clock/echo'],
  config: Type.Object(
    { everyMs: Type.Integer({ minimum: 10, default: 1000, description: 'milliseconds between two ticks' }) },
    { additionalProperties: false },
  ),
  operations,
  async start(host) {
    const clock = await readClock(host.store, host.config.everyMs);
    useClock(clock);
    return {
      /** A protocol without messages: every byte of a stream comes back. */
      async connection(connection) {
        for await (const stream of connection) {
          // Not awaited: streams are served side by side, and one that breaks is its own affair.
          pipeline(stream, stream).catch((error: unknown) => host.log.debug('stream ended early', { error }));
        }
      },
      /** A new config while the node runs. */
      configure: ({ everyMs }) => {
        clock.everyMs = everyMs;
      },
    };
  },
});
