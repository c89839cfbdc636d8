/**
 * Which configuration file of a repository is taken. git obeys far more keys than those that this plugin overrides, some of
 * them names of programs, so a file is taken only when it says nothing but what `git init` writes, what is overridden, and
 * what serving does not look at. `docs/spec/git.md` 5. Pure.
 *
 * @module
 */

const known: ReadonlySet<string> = new Set([
  'core.repositoryformatversion',
  'core.filemode',
  'core.bare',
  'core.ignorecase',
  'core.precomposeunicode',
  'core.symlinks',
  'core.logallrefupdates',
  'core.sharedrepository',
  'extensions.objectformat',
  'extensions.refstorage',
]);

/** Read by programs that do not run here. */
const unread =
  /^(?:gitweb|daemon|user|branch|http)\.|^remote\.(?:.+\.)?(?:url|pushurl|fetch|push|mirror|tagopt)$/;

/** The first key that is not taken; `undefined` for a file that is. Keys as `git config --list` prints them. */
export function refusedKey(keys: Iterable<string>, overridden: ReadonlySet<string>): string | undefined {
  for (const key of keys) {
    if (!known.has(key) && !overridden.has(key) && !unread.test(key)) return key;
  }
  return undefined;
}

/** `git config --list --null`: `key LF value NUL`. */
export function parseConfigList(text: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (const line of text.split('\0')) {
    if (line === '') continue;
    const end = line.indexOf('\n');
    if (end === -1) entries.set(line, 'true');
    else entries.set(line.slice(0, end), line.slice(end + 1));
  }
  return entries;
}
