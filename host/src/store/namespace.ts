/**
 * What one owner sees of a store: its own keys, checked, counted and watched.
 *
 * @module
 */

import { type Store, type StoreEntry, StoreError, type StoreWriteOptions } from '@alknet/sdk';
import { ChangeFeed } from './changes.ts';

/** Bytes. */
export const maxValue = 1024 * 1024;
const keyForm = /^[A-Za-z0-9_=./-]{1,256}$/;
const prefixForm = /^[A-Za-z0-9_=./-]{0,256}$/;
/** Above every byte that a key may have: `prefix` up to `prefix` + this holds all that begins with it. */
const afterEveryKey = '\x7f';
/** Entries that `list` reads at once. */
export const page = 256;

export interface NamespaceOptions {
  /** Bytes of keys and values; read at each write. Default: none. */
  readonly maxSize?: () => number;
  /** How an error names the limit. */
  readonly limitName?: string;
}

/** Where the keys of all namespaces are. */
export interface Keys {
  read(namespace: string, key: string): StoreEntry | undefined;
  /** At most `page` entries from `after` on, below `before`, in order. */
  range(namespace: string, after: string, before: string): ({ readonly key: string } & StoreEntry)[];
  /** Resolves with the revision when it is durable. `undefined` deletes. */
  write(
    space: Namespace,
    key: string,
    value: Uint8Array | undefined,
    options?: StoreWriteOptions,
  ): Promise<number>;
}

export class Namespace implements Store {
  readonly name: string;
  readonly feed = new ChangeFeed();
  options: NamespaceOptions = {};
  /** Bytes of keys and values. */
  used: number;
  private readonly store: Keys;

  constructor(store: Keys, name: string, used: number) {
    this.store = store;
    this.name = name;
    this.used = used;
  }

  async get(key: string) {
    return this.store.read(this.name, checkedKey(key));
  }

  async put(key: string, value: Uint8Array, options?: StoreWriteOptions) {
    checkedKey(key);
    if (!(value instanceof Uint8Array))
      throw new StoreError('STORE_VALUE', `${key}: expected bytes (a Uint8Array)`);
    if (value.length > maxValue) {
      throw new StoreError(
        'STORE_VALUE',
        `${key}: expected at most ${maxValue} bytes, got ${value.length}; split it`,
      );
    }
    // A copy: the caller may fill its buffer anew before the commit.
    return { revision: await this.store.write(this, key, Uint8Array.from(value), options) };
  }

  async delete(key: string, options?: StoreWriteOptions) {
    await this.store.write(this, checkedKey(key), undefined, options);
  }

  async *list(prefix: string) {
    let after = checkedPrefix(prefix);
    for (;;) {
      const entries = this.store.range(this.name, after, prefix + afterEveryKey);
      yield* entries;
      const last = entries.at(-1);
      if (last === undefined || entries.length < page) return;
      // The smallest text above it.
      after = `${last.key}\0`;
    }
  }

  watch(prefix: string, { signal }: { signal: AbortSignal }) {
    return this.feed.watch(checkedPrefix(prefix), signal);
  }
}

function checkedKey(key: string): string {
  if (keyForm.test(key)) return key;
  throw new StoreError(
    'STORE_KEY',
    `expected a key of [A-Za-z0-9_=./-]{1,256}, got ${JSON.stringify(String(key).slice(0, 80))}`,
  );
}

function checkedPrefix(prefix: string): string {
  if (prefixForm.test(prefix)) return prefix;
  throw new StoreError(
    'STORE_KEY',
    `expected a prefix of [A-Za-z0-9_=./-]{0,256}, got ${JSON.stringify(String(prefix).slice(0, 80))}`,
  );
}
