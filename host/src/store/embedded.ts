/**
 * The store of a single node: one SQLite file. Writes that are asked for in one turn of the event loop share one
 * commit, and each resolves when that commit is on the disk. `docs/spec/config.md` 11.
 *
 * @module
 */

import { type Store, type StoreChange, StoreError, type StoreWriteOptions } from '@alknet/sdk';
import { closeDatabase, type Database, openDatabase } from './database.ts';
import { type Keys, Namespace, type NamespaceOptions, page } from './namespace.ts';

interface Write {
  readonly space: Namespace;
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: Uint8Array | undefined;
  readonly ifRevision: number | undefined;
  readonly resolve: (revision: number) => void;
  readonly reject: (error: StoreError) => void;
}

/** @throws StoreError `STORE_FAILED` when the file is damaged, of another program, or in use */
export async function openEmbeddedStore(path: string): Promise<EmbeddedStore> {
  return new EmbeddedStore(await openDatabase(path));
}

export class EmbeddedStore implements Keys {
  private readonly database: Database.Database;
  private readonly spaces = new Map<string, Namespace>();
  private readonly statements: ReturnType<typeof prepare>;
  private queue: Write[] = [];
  private revision: number;
  private closed = false;

  constructor(database: Database.Database) {
    this.database = database;
    this.statements = prepare(database);
    this.revision = field(this.statements.counter.get(), 'revision');
  }

  /** The same store for the same name. Options of the first call hold until the next one that gives some. */
  namespace(name: string, options: NamespaceOptions = {}): Store {
    let space = this.spaces.get(name);
    if (space === undefined) {
      space = new Namespace(this, name, field(this.statements.used.get(name), 'used'));
      this.spaces.set(name, space);
    }
    if (options.maxSize !== undefined) space.options = options;
    return space;
  }

  /** Commits what is asked for already, ends watchers, and lets go of the file. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.commit();
    this.closed = true;
    for (const space of this.spaces.values()) space.feed.close();
    closeDatabase(this.database);
  }

  /** Bytes of keys and values of a namespace. */
  size(name: string): number {
    return this.spaces.get(name)?.used ?? field(this.statements.used.get(name), 'used');
  }

  read(namespace: string, key: string): { value: Uint8Array; revision: number } | undefined {
    return this.guarded(() => {
      const row = this.statements.get.get(namespace, key);
      return row === undefined ? undefined : { value: bytesOf(row), revision: field(row, 'revision') };
    });
  }

  range(
    namespace: string,
    after: string,
    before: string,
  ): { key: string; value: Uint8Array; revision: number }[] {
    return this.guarded(() =>
      this.statements.list.all(namespace, after, before, page).map((row) => ({
        key: String((row as { key: unknown }).key),
        value: bytesOf(row),
        revision: field(row, 'revision'),
      })),
    );
  }

  write(
    space: Namespace,
    key: string,
    value: Uint8Array | undefined,
    options?: StoreWriteOptions,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.closed)
        return reject(new StoreError('STORE_FAILED', 'store: it is closed, the node is stopping'));
      if (this.queue.length === 0) setImmediate(() => this.commit());
      this.queue.push({ space, key, value, ifRevision: options?.ifRevision, resolve, reject });
    });
  }

  /** One transaction for all that waits. A write that is refused takes no other with it. */
  private commit(): void {
    if (this.queue.length === 0 || this.closed) return;
    const writes = this.queue;
    this.queue = [];
    const before = { revision: this.revision, used: new Map(writes.map(({ space }) => [space, space.used])) };
    const done: { write: Write; change: StoreChange | undefined; error?: StoreError }[] = [];
    try {
      this.database.exec('BEGIN IMMEDIATE');
      for (const write of writes) done.push(this.attempt(write));
      this.statements.setCounter.run(this.revision);
      this.database.exec('COMMIT');
    } catch (cause) {
      this.revision = before.revision;
      for (const [space, used] of before.used) space.used = used;
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      const error = storeFailed(cause);
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const { write, change, error } of done) {
      if (error !== undefined) write.reject(error);
      else {
        if (change !== undefined) write.space.feed.emit(change);
        write.resolve(change?.revision ?? 0);
      }
    }
  }

  private attempt(write: Write): { write: Write; change: StoreChange | undefined; error?: StoreError } {
    const { space, key, value, ifRevision } = write;
    const old = this.statements.head.get(space.name, key);
    const revision = old === undefined ? 0 : field(old, 'revision');
    const refuse = (error: StoreError) => ({ write, change: undefined, error });
    if (ifRevision !== undefined && ifRevision !== revision) {
      const found = revision === 0 ? 'it is absent' : `it is at revision ${revision}`;
      return refuse(
        new StoreError(
          'STORE_CONFLICT',
          `${key}: expected revision ${ifRevision}, but ${found}; read it again`,
        ),
      );
    }
    const freed = old === undefined ? 0 : key.length + field(old, 'size');
    if (value === undefined) {
      if (old === undefined) return { write, change: undefined };
      this.statements.remove.run(space.name, key);
      space.used -= freed;
      return { write, change: { key, value: undefined, revision: ++this.revision } };
    }
    const used = space.used - freed + key.length + value.length;
    const most = space.options.maxSize?.() ?? Number.POSITIVE_INFINITY;
    // What makes it smaller is always let through, also above a limit that was lowered.
    if (used > most && used > space.used) {
      const name = space.options.limitName ?? 'storeSize';
      return refuse(
        new StoreError(
          'STORE_FULL',
          `${key}: ${used} bytes would be above ${name} (${most}); delete, or raise the limit`,
        ),
      );
    }
    this.statements.put.run(space.name, key, value, ++this.revision);
    space.used = used;
    return { write, change: { key, value, revision: this.revision } };
  }

  private guarded<Result>(run: () => Result): Result {
    if (this.closed) throw new StoreError('STORE_FAILED', 'store: it is closed, the node is stopping');
    try {
      return run();
    } catch (cause) {
      throw storeFailed(cause);
    }
  }
}

function prepare(database: Database.Database) {
  return {
    counter: database.prepare('SELECT revision FROM counter'),
    setCounter: database.prepare('UPDATE counter SET revision = ?'),
    used: database.prepare(
      'SELECT COALESCE(SUM(LENGTH(key) + LENGTH(value)), 0) AS used FROM entry WHERE namespace = ?',
    ),
    get: database.prepare('SELECT value, revision FROM entry WHERE namespace = ? AND key = ?'),
    head: database.prepare(
      'SELECT revision, LENGTH(value) AS size FROM entry WHERE namespace = ? AND key = ?',
    ),
    list: database.prepare(
      'SELECT key, value, revision FROM entry WHERE namespace = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?',
    ),
    put: database.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)'),
    remove: database.prepare('DELETE FROM entry WHERE namespace = ? AND key = ?'),
  };
}

function field(row: unknown, name: string): number {
  return Number((row as Record<string, unknown> | undefined)?.[name] ?? 0);
}

/** The binding gives a Buffer for one row and an ArrayBuffer for several; a plain copy hides both. */
function bytesOf(row: unknown): Uint8Array {
  const { value } = row as { value: Uint8Array | ArrayBuffer };
  return value instanceof ArrayBuffer ? new Uint8Array(value) : Uint8Array.from(value);
}

function storeFailed(cause: unknown): StoreError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('STORE_FAILED', `store: ${message}; check disk space and permissions`, { cause });
}
