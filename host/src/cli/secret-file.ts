/**
 * Files that hold a secret: a token, a phrase, a value. `docs/spec/cli.md` 12.
 *
 * @module
 */

import { open } from 'node:fs/promises';
import { usage } from './exit.ts';

/** @throws CliError exit 2 when it is not there, or every user of the machine may read it */
export async function readSecretInput(path: string, option: string): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw usage(`${option}: ${path} cannot be read: ${error.code}`);
  });
  try {
    const { mode } = await file.stat();
    if ((mode & 0o007) !== 0)
      throw usage(`${option}: every user of this machine has rights on ${path}`, `chmod 600 ${path}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
