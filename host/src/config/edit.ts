/**
 * Changes single keys of the file and leaves every other byte as it was. `docs/spec/config.md` 15.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { editText, type KeyEdit } from './edit-text.ts';
import type { ReloadResult } from './live.ts';
import { configFromBytes, type LoadOptions, readConfig } from './load.ts';

export class ConfigRaceError extends Error {
  override readonly name = 'ConfigRaceError';
}

export interface EditOptions extends LoadOptions {
  /** Waits for the running node to take the file or refuse it; a refused edit is undone. */
  readonly taken?: () => Promise<ReloadResult>;
  /** For tests: runs between reading and writing. */
  readonly beforeWrite?: () => Promise<void>;
}

const attempts = 3;

/**
 * @throws ConfigError when the result, or the node, refuses; then the file is as before
 * @throws ConfigRaceError when other writers were faster three times
 */
export async function editConfig(
  path: string,
  edits: readonly KeyEdit[],
  options: EditOptions = {},
): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const before = await readConfig(path);
    const after = Buffer.from(editText(before.toString('utf8'), edits));
    if (after.equals(before)) return;
    configFromBytes(path, after, options);
    await options.beforeWrite?.();
    if (!(await replace(path, before, after))) continue;
    const result = await options.taken?.();
    if (result === undefined || result.taken) return;
    await replace(path, after, before);
    await options.taken?.();
    throw result.error;
  }
  throw new ConfigRaceError(`${path}: other programs changed it ${attempts} times meanwhile; try again`);
}

/** Puts `after` in the place of `before` unless the file is something else by now. A link stays a link. */
async function replace(path: string, before: Buffer, after: Buffer): Promise<boolean> {
  const target = await realpath(path);
  const { mode } = await stat(target);
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', mode & 0o777);
  try {
    await file.chmod(mode & 0o777);
    await file.writeFile(after);
    await file.sync();
    await file.close();
    if (!(await readConfig(path)).equals(before)) {
      await unlink(temporary);
      return false;
    }
    await rename(temporary, target);
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(temporary).catch(() => {});
    throw error;
  }
  const directory = await open(dirname(target), 'r');
  await directory.sync().finally(() => directory.close());
  return true;
}
