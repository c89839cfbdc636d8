/**
 * Names of refs: git-check-ref-format(1), and what may be pushed. `docs/spec/git.md` 6, rule 2. Pure.
 *
 * @module
 */

/** Bytes; a ref is a file and its lock, in a file name of at most 255 bytes. */
export const longestRef = 244;

export function isRefName(ref: string): boolean {
  if (!ref.startsWith('refs/') || ref.endsWith('/') || ref.endsWith('.')) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is forbidden
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\//.test(ref)) return false;
  return ref.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

export function isPushable(ref: string): boolean {
  return /^refs\/(?:heads|tags|notes)\//.test(ref) && Buffer.byteLength(ref) <= longestRef && isRefName(ref);
}
