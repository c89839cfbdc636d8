/**
 * Limits of a session, each in one place. `docs/spec/call.md` 11.
 *
 * @module
 */

import type { CallLimits } from '../plugin.ts';

const MiB = 1024 * 1024;

/** Milliseconds and bytes; `docs/spec/config.md` 12. */
export const defaultCallLimits: CallLimits = {
  frame: 16 * MiB,
  callsPerConnection: 256,
  subscriptionsPerConnection: 256,
  callTimeout: 30_000,
  callTimeoutMax: 600_000,
  bufferedPerConnection: 32 * MiB,
};

/** Requests that our side has outstanding on a connection; further ones wait. */
export const maxOutstanding = 4096;
/** A frame above this many bytes gets a stream of its own. */
export const maxSharedFrame = 64 * 1024;
/** Values and bytes of a subscription that are read ahead of their consumer on a stream of its own. */
export const readAheadValues = 16;
export const readAheadBytes = MiB;
/** Credit that a subscription on a shared stream begins with; renewed when half is consumed. */
export const windowSize = 64;
export const maxWindow = 65_536;
/** Bytes that a subscription on a shared stream keeps for a consumer whose peer ignores `window`. */
export const maxUnconsumed = 4 * MiB;
/** Milliseconds that an aborted request keeps its id, or its slot while its handler has not settled. */
export const abortGrace = 5_000;
/** Nodes that may have forwarded a request. */
export const maxHops = 8;
export const maxTimeout = 2 ** 31 - 1;
