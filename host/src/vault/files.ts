/**
 * Files that hold secrets: written whole or not at all, readable by their owner alone. `docs/spec/vault.md` 9.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { chmod, type FileHandle, lstat, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VaultError } from './errors.ts';

/** Temporary file of mode 0600, fsync, rename, fsync of the directory: at any crash the old file or the new one. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
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
export async function readSecretFile(path: string, warn: (message: string) => void): Promise<string | undefined> {
  let mode: number;
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) throw new VaultError('FilePermissions', `${path}: expected a regular file`);
    ({ mode } = stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if ((mode & 0o077) !== 0) {
    try {
      await chmod(path, 0o600);
    } catch {
      throw new VaultError('FilePermissions', `${path}: others may read it and its mode cannot be changed; try: chmod 600`);
    }
    warn(`${path} was readable by others (mode ${(mode & 0o777).toString(8)}); its mode is 600 now`);
  }
  return await readFile(path, 'utf8');
}
