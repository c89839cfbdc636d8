/**
 * What the plugin keeps of a repository beside git itself, in its store: who made it, when it was pushed to, and the
 * settings of its own. `docs/spec/git.md` 9.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { type Store, StoreError } from '@alknet/sdk';
import type { Protection } from '../core/push-policy.ts';

/** Members that override those of the node. Sizes in bytes. */
export interface OwnPushSettings {
  readonly enabled?: boolean;
  readonly allowForce?: readonly string[];
  readonly allowDelete?: readonly string[];
  readonly allowTagUpdate?: readonly string[];
  readonly protect?: readonly Protection[];
  readonly maxPackSize?: number;
}

export interface RepositoryRecord {
  readonly name: string;
  readonly description: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly createdBy: string | null;
  readonly pushedAt: string | null;
  /** Bytes, as of the last push. */
  readonly size: number;
  /** Since the last maintenance. */
  readonly pushes: number;
  readonly maintainedAt: string | null;
  readonly push: OwnPushSettings;
}

const prefix = 'repositories/';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A name can be longer than a key. */
function keyOf(name: string): string {
  return prefix + createHash('sha256').update(name).digest('hex');
}

export class Records {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  async get(name: string): Promise<RepositoryRecord | undefined> {
    const entry = await this.store.get(keyOf(name));
    return entry === undefined ? undefined : parse(entry.value);
  }

  async put(record: RepositoryRecord): Promise<void> {
    await this.store.put(keyOf(record.name), encoder.encode(JSON.stringify(record)));
  }

  /** Of one that came by another way than `git/create`, `fallback` is what is known. */
  async change(
    name: string,
    fallback: () => Promise<RepositoryRecord>,
    alter: (record: RepositoryRecord) => RepositoryRecord,
  ): Promise<RepositoryRecord> {
    for (;;) {
      const entry = await this.store.get(keyOf(name));
      const record = alter(entry === undefined ? await fallback() : parse(entry.value));
      try {
        const value = encoder.encode(JSON.stringify(record));
        await this.store.put(keyOf(name), value, { ifRevision: entry?.revision ?? 0 });
        return record;
      } catch (error) {
        // Somebody else was faster: once more with what he wrote.
        if (!(error instanceof StoreError && error.code === 'STORE_CONFLICT')) throw error;
      }
    }
  }

  async remove(name: string): Promise<void> {
    await this.store.delete(keyOf(name));
  }

  async createdBy(identity: string): Promise<number> {
    let count = 0;
    for await (const { value } of this.store.list(prefix)) if (parse(value).createdBy === identity) count++;
    return count;
  }
}

/** Written by this class alone. */
function parse(value: Uint8Array): RepositoryRecord {
  return JSON.parse(decoder.decode(value));
}
