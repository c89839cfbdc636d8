/**
 * Programs that git would look for on its PATH because of what a client wrote: those that check signatures, for a push
 * certificate that nobody asked for and for `$Format:%G?$` in an archive. The keys that name others are not heeded by every
 * command of git, so files that only fail stand before them. `docs/spec/git.md` 5.
 *
 * @module
 */

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** git-config(1), `gpg.<format>.program`. */
const names = ['gpg', 'gpgsm', 'ssh-keygen'] as const;

/** `directory` holds these and nothing else. */
export async function barPrograms(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const path = join(directory, name);
    await writeFile(`${path}.new`, '#!/bin/sh\nexit 1\n', { mode: 0o500 });
    await rename(`${path}.new`, path);
  }
}
