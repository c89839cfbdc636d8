/**
 * Programs that git would look for on its PATH because of what a client wrote: those that check signatures, for a push
 * certificate that nobody asked for and for `$Format:%G?$` in an archive. The keys that name others are not heeded by every
 * command of git, so files that only fail stand before them. `docs/spec/git.md` 5.
 *
 * @module
 */

import { writeScripts } from './scripts.ts';

/** git-config(1), `gpg.<format>.program`. */
const names = ['gpg', 'gpgsm', 'ssh-keygen'] as const;

export function barPrograms(directory: string): Promise<void> {
  return writeScripts(directory, Object.fromEntries(names.map((name) => [name, 'exit 1'])));
}
