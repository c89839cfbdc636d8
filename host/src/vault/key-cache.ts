/**
 * Derived keys, kept for an hour and at most 64 at a time; what goes is overwritten. `docs/spec/vault.md` 8. Pure; the
 * clock comes in.
 *
 * @module
 */

import type { RawKey } from './derive.ts';

export const cacheSize = 64;
/** Milliseconds from insertion, not sliding. */
export const cacheLife = 3_600_000;

interface Entry {
  readonly key: RawKey;
  readonly insertedAt: number;
}

export class KeyCache {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #size: number;

  constructor(now: () => number, size: number = cacheSize) {
    this.#now = now;
    this.#size = size;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): RawKey | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    if (this.#expired(entry)) {
      wipe(entry.key);
      return undefined;
    }
    this.#entries.set(name, entry);
    return entry.key;
  }

  set(name: string, key: RawKey): void {
    const old = this.#entries.get(name);
    if (old !== undefined) {
      this.#entries.delete(name);
      wipe(old.key);
    } else if (this.#entries.size >= this.#size) {
      const [oldest] = this.#entries;
      if (oldest !== undefined) {
        this.#entries.delete(oldest[0]);
        wipe(oldest[1].key);
      }
    }
    this.#entries.set(name, { key, insertedAt: this.#now() });
  }

  evictExpired(): void {
    for (const [name, entry] of this.#entries) {
      if (!this.#expired(entry)) continue;
      this.#entries.delete(name);
      wipe(entry.key);
    }
  }

  clear(): void {
    for (const { key } of this.#entries.values()) wipe(key);
    this.#entries.clear();
  }

  #expired({ insertedAt }: Entry): boolean {
    return this.#now() - insertedAt > cacheLife;
  }
}

function wipe({ privateKey, chainCode }: RawKey): void {
  privateKey.fill(0);
  chainCode.fill(0);
}
