/**
 * Arguments to a command, its options and its operands. Options stand before or after arguments; none is abbreviated.
 * `docs/spec/cli.md` 1. Pure.
 *
 * @module
 */

import { type Command, globalOptions, type Option } from './command.ts';
import { usage } from './exit.ts';

export interface Parsed {
  readonly command: Command | undefined;
  /** Words that led to no command, for help. */
  readonly words: readonly string[];
  readonly arguments: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly switches: ReadonlyMap<string, number>;
}

/** @throws CliError exit 2 */
export function parseArguments(argv: readonly string[], commands: readonly Command[]): Parsed {
  const operands: string[] = [];
  const given: { readonly name: string; readonly value: string | undefined; readonly text: string }[] = [];
  const every = [...globalOptions, ...commands.flatMap(({ options = [] }) => options)];
  const wrappers = commands.filter(({ wraps }) => wraps === true);
  const wraps = () =>
    wrappers.some(
      ({ path }) => path.length === operands.length && path.every((word, at) => word === operands[at]),
    );
  for (let i = 0; i < argv.length; i++) {
    const text = argv[i] ?? '';
    if (wraps() && !/^--./.test(text)) {
      operands.push(...argv.slice(i));
      break;
    }
    if (text === '--') {
      operands.push(...argv.slice(i + 1));
      break;
    }
    if (text === '-' || !text.startsWith('-')) {
      operands.push(text);
      continue;
    }
    const [flag = '', inline] = text.startsWith('--') ? split(text.slice(2)) : [text.slice(1), undefined];
    const option = every.find(({ name, short }) => (text.startsWith('--') ? name === flag : short === flag));
    if (option === undefined) {
      given.push({ name: flag, value: inline, text });
      continue;
    }
    if (option.value === undefined) given.push({ name: option.name, value: inline, text });
    else {
      const value = inline ?? argv[++i];
      if (value === undefined) throw usage(`${text} needs a value: --${option.name} ${option.value}`);
      given.push({ name: option.name, value, text });
    }
  }
  const { command, used } = findCommand(operands, commands);
  return { command, words: operands, arguments: operands.slice(used), ...collect(given, command) };
}

function split(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The command with the longest path that the words begin with. */
export function findCommand(
  words: readonly string[],
  commands: readonly Command[],
): { command: Command | undefined; used: number } {
  let best: { command: Command | undefined; used: number } = { command: undefined, used: 0 };
  for (const command of commands) {
    for (const path of [command.path, ...(command.aliases ?? [])]) {
      if (path.length > best.used && path.every((word, i) => words[i] === word))
        best = { command, used: path.length };
    }
  }
  return best;
}

function collect(
  given: readonly { readonly name: string; readonly value: string | undefined; readonly text: string }[],
  command: Command | undefined,
) {
  const known: readonly Option[] = [...globalOptions, ...(command?.options ?? [])];
  const values = new Map<string, string[]>();
  const switches = new Map<string, number>();
  for (const { name, value, text } of given) {
    const option = known.find((candidate) => candidate.name === name);
    if (option === undefined) {
      const near = nearest(
        name,
        known.map((candidate) => candidate.name),
      );
      throw usage(
        `unknown option ${text.split('=')[0]}`,
        near === undefined ? undefined : `did you mean --${near}?`,
      );
    }
    if (option.value === undefined) {
      if (value !== undefined) throw usage(`--${name} takes no value`);
      switches.set(name, (switches.get(name) ?? 0) + 1);
      continue;
    }
    const all = values.get(name) ?? [];
    if (all.length > 0 && option.repeat !== true) throw usage(`--${name} is given twice`);
    values.set(name, [...all, value ?? '']);
  }
  return { values, switches };
}

/** The known word within two edits, or a third of its length, of a mistyped one. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
