/**
 * The memory of the process and of the machine, and how to get some back.
 *
 * @module
 */

import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Of what the machine, or the control group of the process, has. */
const usualPart = 3 / 4;

/** `limits.memory` as configured, in bytes; 0: three quarters of what there is. */
export function memoryLimit(configured: number): number {
  if (configured > 0) return configured;
  // Without a control group it tells nothing, 0 or more than there is.
  const allowed = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return usualPart * Math.min(totalmem(), allowed);
}

/**
 * The collector does not know how much quiche holds for a connection that has ended, and may let it lie for long. Some
 * milliseconds; only for when memory is short.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
