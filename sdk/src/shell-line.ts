/**
 * Words as one line for a POSIX shell, which takes the line apart into the same words. Pure.
 *
 * @module
 */

export function shellLine(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w./:@%=+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
