/**
 * What the life of an adapter is driven by, whatever its kind.
 *
 * @module
 */

import type { AdapterRegistration } from '@alknet/sdk';

export interface LivingAdapter {
  readonly kind: 'openapi' | 'jsonschema' | 'mcp';
  /** Milliseconds between looks for a change, 0 for none. */
  readonly refresh: number;
  /**
   * The whole set, or `undefined` when nothing has changed since the last look. `anew`: the last set did not come to be
   * used, so the whole is wanted in any case. @throws AdapterError
   */
  look(signal: AbortSignal, anew: boolean): Promise<readonly AdapterRegistration[] | undefined>;
  /** Tells of changes as they come; returns what ends that. */
  watch?(changed: () => void): () => void;
  /** Calls in flight are over, or have been aborted. */
  close?(): Promise<void> | void;
}
