/**
 * What is wrong with a configuration file: one problem is one line for people and one object for programs.
 * `docs/spec/config.md` 13.
 *
 * @module
 */

export type Path = readonly (string | number)[];

export interface Problem {
  /** JSON Pointer (RFC 6901). */
  readonly pointer: string;
  /** Counted from 1, of the key or value. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly expected?: string;
  /** At most 80 characters, and never from a secret's place. */
  readonly received?: string;
  readonly suggestion?: string;
}

/** A problem before its place in the text has been looked up. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** Points at the key and not at its value. */
  readonly atKey?: boolean;
  readonly expected?: string;
  readonly received?: string;
  readonly suggestion?: string;
}

/** A file was refused. The running configuration, if there is one, stays. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly path: string;
  readonly problems: readonly Problem[];

  constructor(path: string, problems: readonly Problem[]) {
    super(problems.map((problem) => problemLine(path, problem)).join('\n'));
    this.path = path;
    this.problems = problems;
  }
}

export function pointerOf(path: Path): string {
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** `alknet.config.json:14:7  plugins.ssh.enabeld: unknown key; did you mean "enabled"?` */
export function problemLine(file: string, problem: Problem): string {
  const key = problem.pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
  return `${file}:${problem.line}:${problem.column}  ${key === '' ? '' : `${printable(key)}: `}${problem.message}`;
}

export function inOrderOfLine(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** `expected X, found Y` in both forms. */
export function mismatch(path: Path, expected: string, value: unknown): Finding {
  const received = describe(value);
  return { path, message: `expected ${expected}, found ${received}`, expected, received };
}

const shown = 80;

/** A value as an error may show it: short, on one line, and without what looks like a secret. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string' && secretLike.test(value)) return 'text that looks like a secret';
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= shown ? text : `${text.slice(0, shown - 2)}…"`;
}

const secretLike = /alk_|-----BEGIN|(?:[a-z]{3,8} ){11}/;

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

/** The candidate within two edits (insert, delete, replace, swap neighbours), the nearest first. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const candidate of candidates) {
    const distance = edits(word.slice(0, 64), candidate.slice(0, 64));
    // Two edits turn any two-letter word into any other: a hint has to keep more of the word than it changes.
    if (distance < least && distance < Math.max(word.length, candidate.length) / 2) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Optimal string alignment distance. */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
