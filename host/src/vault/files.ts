/**
 * Files that hold secrets: written whole or not at all, readable by their owner alone. `docs/spec/vault.md` 9.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VaultError } from './errors.ts';
import { isGone } from './lock-file.ts';

/** Temporary file of mode 0600, fsync, rename, fsync of the directory: at any crash the old file or the new one. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
  } catch (error) {
    await handle?.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
  // What was to be written is on disk: tidying up must not turn that into a failure.
  await sweep(path).catch(() => {});
}

/** Removes what writers of this file left behind when they were killed: it may hold a key. */
async function sweep(path: string): Promise<void> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(?:lock\.(?:take-over\.)?)?(\d+)\.[0-9a-f]{12}\.tmp$/.exec(name.slice(prefix.length))?.[1];
    if (pid !== undefined && isGone(Number(pid))) await rm(join(directory, name), { force: true });
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The text of a file that must be regular and its owner's alone; a wider mode is narrowed, which `warn` is told.
 * `undefined` when there is no such file. @throws VaultError `FilePermissions`
 */
export async function readSecretFile(
  path: string,
  warn: (message: string) => void,
): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    // Neither follows a link nor waits for the writer of a pipe; the one file that was opened is checked and read.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw irregular(path);
    if (code === 'EACCES') throw new VaultError('FilePermissions', `${path}: this user may not read it`);
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw irregular(path);
    if ((stats.mode & 0o077) !== 0) await narrow(handle, path, stats.mode, warn);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function irregular(path: string): VaultError {
  return new VaultError('FilePermissions', `${path}: expected a regular file, and no link to one`);
}

async function narrow(handle: FileHandle, path: string, mode: number, warn: (message: string) => void) {
  try {
    await handle.chmod(0o600);
  } catch {
    throw new VaultError(
      'FilePermissions',
      `${path}: others have rights on it and its mode cannot be changed; try: chmod 600`,
    );
  }
  warn(`${path}: others had rights on it (mode ${(mode & 0o777).toString(8)}); its mode is 600 now`);
}
