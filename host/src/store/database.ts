/**
 * The file of the embedded store: made whole or not at all, and never overwritten when it is damaged.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '@alknet/sdk';
import Database from 'libsql';

export type { Database };

/** Written to SQLite's application_id, so that another program's database is not taken for ours: "alkn". */
const applicationId = 0x616c6b6e;
const version = 1;
/** Bytes up to which every page is looked at before the node starts; a larger file would make it wait. */
const fullyChecked = 64 * 1024 * 1024;
const magic = 'SQLite format 3\0';

/** @throws StoreError `STORE_FAILED` that names the file and what to do */
export async function openDatabase(path: string): Promise<Database.Database> {
  if (!existsSync(path)) await create(path);
  const header = await readHeader(path);
  // After a kill the log beside the file holds what the file lacks, up to its last pages: then SQLite puts them
  // together, and all pages are looked at.
  const killed = existsSync(`${path}-wal`);
  if (!killed) checkLength(path, header);
  return guarded(path, () => {
    const database = new Database(path, { fileMustExist: true, timeout: 1000 });
    try {
      // One process has the file, and no second one may write beneath its caches.
      database.pragma('locking_mode = EXCLUSIVE');
      // Before anything is written: a damaged file stays as it is.
      check(path, database, killed);
      database.pragma('journal_mode = WAL');
      // A commit is on the disk when it returns.
      database.pragma('synchronous = FULL');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/**
 * Lets go of the file, with everything in it and no log beside it. The binding keeps the connection for as long as a
 * statement of it is not collected, so its lock is given up first.
 */
export function closeDatabase(database: Database.Database): void {
  try {
    database.pragma('journal_mode = DELETE');
    database.pragma('locking_mode = NORMAL');
    // The lock goes with the next read.
    database.prepare('SELECT revision FROM counter').get();
  } catch {
    // The file is gone, or the disk is full: every write that has resolved is in file or log all the same.
  } finally {
    database.close();
  }
}

/** Under another name first: an empty `store.db` is never the remains of a start that was cut short. */
async function create(path: string): Promise<void> {
  if (existsSync(`${path}-wal`)) {
    throw failed(
      path,
      'is gone, and its write-ahead log is still there; put store.db back from a backup, or move store.db-wal away to begin with an empty store',
    );
  }
  const fresh = `${path}.new`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(fresh + suffix, { force: true });
  guarded(path, () => {
    const database = new Database(fresh);
    database.exec(`
      PRAGMA application_id = ${applicationId};
      PRAGMA user_version = ${version};
      CREATE TABLE entry (
        namespace TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (namespace, key)
      ) WITHOUT ROWID;
      CREATE TABLE counter (revision INTEGER NOT NULL);
      INSERT INTO counter VALUES (0);
    `);
    closeDatabase(database);
  });
  await chmod(fresh, 0o600);
  await synced(fresh);
  await rename(fresh, path);
  await synced(dirname(path));
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

interface Header {
  readonly size: number;
  /** Bytes that it says of itself. */
  readonly expected: number;
}

/** SQLite takes an empty file for a new database. */
async function readHeader(path: string): Promise<Header> {
  const { size } = await stat(path);
  const header = Buffer.alloc(100);
  const file = await open(path, 'r');
  await file.read(header, 0, 100, 0).finally(() => file.close());
  if (size < 100 || header.toString('latin1', 0, 16) !== magic) {
    throw failed(path, `is no database: it begins with other bytes, or is cut to ${size} bytes; ${remedy}`);
  }
  // Offsets 16 and 28 of the header: page size, where 1 means 65536, and size in pages.
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  return { size, expected: header.readUInt32BE(28) * pageSize };
}

/** SQLite takes a cut file for a whole one until it reads beyond the end. */
function checkLength(path: string, { size, expected }: Header): void {
  if (size < expected) throw failed(path, `is cut: expected ${expected} bytes, found ${size}; ${remedy}`);
}

function check(path: string, database: Database.Database, killed: boolean): void {
  const id = pragma(database, 'application_id');
  if (id !== applicationId)
    throw failed(path, `is the database of another program; move it away, or choose another dataDir`);
  const found = pragma(database, 'user_version');
  if (found !== version)
    throw failed(
      path,
      `has format ${found}, and this build reads format ${version}; use the build that wrote it`,
    );
  const pages = Number(pragma(database, 'page_count')) * Number(pragma(database, 'page_size'));
  if (pages > fullyChecked && !killed) return;
  const result = pragma(database, 'quick_check');
  if (result !== 'ok') throw failed(path, `is damaged (${String(result).split('\n')[0]}); ${remedy}`);
}

function pragma(database: Database.Database, name: string): unknown {
  const rows = database.pragma(name);
  const row: unknown = Array.isArray(rows) ? rows[0] : rows;
  return typeof row === 'object' && row !== null ? Object.values(row)[0] : row;
}

const remedy =
  'nothing was written to it; put it back from a backup, or move it away to begin with an empty store';

function guarded<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const message = error instanceof Error ? error.message : String(error);
    if (code.startsWith('SQLITE_BUSY') || /locked/i.test(message)) {
      throw failed(path, 'is in use by another process; stop that node first', error);
    }
    throw failed(
      path,
      `cannot be opened (${code === '' ? message : `${code}: ${message}`}); ${remedy}`,
      error,
    );
  }
}

function failed(path: string, what: string, cause?: unknown): StoreError {
  return new StoreError(
    'STORE_FAILED',
    `store: ${path} ${what}`,
    cause === undefined ? undefined : { cause },
  );
}
