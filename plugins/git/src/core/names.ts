/**
 * Names of repositories, and what a path of a client means. `docs/spec/git.md` 3. Pure.
 *
 * @module
 */

const segmentPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;
const mostSegments = 8;
const mostBytes = 255;

/** Whether that is the name of a repository, as operations take it: no slash around it, no `.git`. */
export function isName(text: string): boolean {
  if (text.length > mostBytes) return false;
  const segments = text.split('/');
  return segments.length <= mostSegments && segments.every(isSegment);
}

function isSegment(text: string): boolean {
  return segmentPattern.test(text) && !text.includes('..') && !/(?:\.|\.git|\.lock)$/.test(text);
}

/** The name that a path of a client stands for; `undefined` for every path that is none. */
export function nameOfPath(path: string): string | undefined {
  const name = path
    .replace(/^\/+/, '')
    .replace(/\/$/, '')
    .replace(/\.git$/, '');
  return isName(name) ? name : undefined;
}
