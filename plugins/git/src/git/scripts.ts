/**
 * Scripts that git starts, in a directory of ours. `docs/spec/git.md` 5 and 6.
 *
 * @module
 */

import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `scripts`: by file name, lines of `sh`. `directory` holds them and no other file of ours. */
export async function writeScripts(
  directory: string,
  scripts: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const [name, lines] of Object.entries(scripts)) {
    const path = join(directory, name);
    await writeFile(`${path}.new`, `#!/bin/sh\n${lines}\n`, { mode: 0o500 });
    await chmod(`${path}.new`, 0o500);
    // A run of git that is under way keeps the file it began with.
    await rename(`${path}.new`, path);
  }
}
