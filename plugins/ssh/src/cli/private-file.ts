/**
 * Files with secrets that a command reads: nobody else may have rights on them. `docs/spec/cli.md` 12.
 *
 * @module
 */

import { open } from 'node:fs/promises';
import { wrongInput } from './tunnel-error.ts';

/** @throws CallError when it cannot be read, or others have rights on it */
export async function readPrivateFile(path: string, option: string): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw wrongInput(`${option}: ${path} cannot be read: ${error.code}`);
  });
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0)
      throw wrongInput(
        `${option}: ${path} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}, which lets others in; expected 0600: chmod 600 ${path}`,
      );
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
