/**
 * What a line is about, before the options of its command are known. Pure.
 *
 * @module
 */

import { topLevelOwner } from './built-in-commands.ts';
import { globalOptions } from './command.ts';

export interface FirstWords {
  /** Without `help`, up to the first option that is not every command's. */
  readonly words: readonly string[];
  /** Whether such an option stands before all words: what follows it may be its value, or the command. */
  readonly unclear: boolean;
  /** What `--config` says. */
  readonly config: string | undefined;
}

const valued = new Set(
  globalOptions.filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`),
);
const switches = new Set(
  globalOptions
    .filter(({ value }) => value === undefined)
    .flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]),
);

export function firstWords(argv: readonly string[]): FirstWords {
  const words: string[] = [];
  let first: string | undefined;
  let unclear = false;
  let ended = false;
  let config: string | undefined;
  for (let i = 0; i < argv.length && argv[i] !== '--'; i++) {
    const word = argv[i] ?? '';
    if (word.startsWith('--config=')) config = word.slice('--config='.length);
    else if (valued.has(word)) {
      const value = argv[++i];
      if (word === '--config') config = value;
    } else if (word === '-' || !word.startsWith('-')) {
      if (word === 'help' && words.length === 0) continue;
      if (!ended) words.push(word);
      first ??= word;
      // What stands behind may be for another program.
      if (topLevelOwner(first) !== undefined) break;
    } else if (!switches.has(word) && !valued.has(word.split('=')[0] ?? '')) {
      unclear ||= words.length === 0;
      ended = true;
    }
  }
  return { words, unclear, config };
}
