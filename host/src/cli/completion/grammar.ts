/**
 * The table of commands as a shell needs it: what may stand behind each word. Pure.
 *
 * @module
 */

import { type Command, type Completes, globalOptions, type Option } from '../command.ts';

export interface Place {
  /** `peer set`; empty: nothing typed yet. */
  readonly path: string;
  /** Words that go on from here to a command. */
  readonly words: readonly string[];
  /** `--name`, without those that every command takes. */
  readonly options: readonly string[];
  /** What its first argument names. */
  readonly completes: Completes | undefined;
}

export interface Grammar {
  readonly places: readonly Place[];
  readonly globalOptions: readonly string[];
  /** Options with a value, so that the value is taken for no argument. */
  readonly valued: readonly string[];
  readonly namedBy: readonly { readonly option: string; readonly completes: Completes }[];
}

/** What of a command is looked at. */
type Known = Pick<Command, 'path' | 'aliases' | 'options' | 'completes'>;

export function grammarOf(commands: readonly Known[]): Grammar {
  const all: readonly Option[] = [...globalOptions, ...commands.flatMap(({ options = [] }) => options)];
  const every = new Map(all.map((option) => [option.name, option]));
  const spellings = commands.flatMap((command) =>
    [command.path, ...(command.aliases ?? [])].map((path) => ({ path, command })),
  );
  const places = new Map<string, { words: Set<string>; command?: Known }>([
    ['', { words: new Set(['help']) }],
  ]);
  for (const { path, command } of spellings) {
    for (let depth = 0; depth < path.length; depth++) {
      const at = path.slice(0, depth).join(' ');
      const place = places.get(at) ?? { words: new Set<string>() };
      place.words.add(path[depth] ?? '');
      places.set(at, place);
    }
    places.set(path.join(' '), { words: places.get(path.join(' '))?.words ?? new Set(), command });
  }
  return {
    places: [...places].map(([path, { words, command }]) => ({
      path,
      words: [...words].sort(),
      options: (command?.options ?? []).map(({ name }) => `--${name}`),
      completes: command?.completes,
    })),
    globalOptions: globalOptions.map(({ name }) => `--${name}`),
    valued: [...every.values()].filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`),
    namedBy: [...every.values()].flatMap(({ name, completes }) =>
      completes === undefined ? [] : [{ option: `--${name}`, completes }],
    ),
  };
}
