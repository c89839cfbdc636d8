/**
 * Durable state of a plugin. `docs/spec/config.md` 11.
 *
 * @module
 */

export interface StoreEntry {
  readonly value: Uint8Array;
  /** Above 0; grows with every write of the key. */
  readonly revision: number;
}

export interface StoreWriteOptions {
  /** Writes only if the key is at this revision; 0 means absent. */
  ifRevision?: number;
}

export interface StoreChange {
  readonly key: string;
  /** `undefined`: deleted. */
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/**
 * Keys are `[A-Za-z0-9_=./-]{1,256}`, values bytes up to 1 MiB. A write is durable when it has resolved.
 * A stale `ifRevision` fails with a StoreError `STORE_CONFLICT` and changes nothing.
 */
export interface Store {
  get(key: string): Promise<StoreEntry | undefined>;
  put(key: string, value: Uint8Array, options?: StoreWriteOptions): Promise<{ revision: number }>;
  delete(key: string, options?: StoreWriteOptions): Promise<void>;
  /** Sorted by key in code-point order. */
  list(prefix: string): AsyncIterable<{ key: string } & StoreEntry>;
  /** Every later change below the prefix, once and in order, until the signal aborts. */
  watch(prefix: string, options: { signal: AbortSignal }): AsyncIterable<StoreChange>;
}

export type StoreErrorCode = 'STORE_CONFLICT' | 'STORE_KEY' | 'STORE_VALUE' | 'STORE_FULL' | 'STORE_FAILED';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
