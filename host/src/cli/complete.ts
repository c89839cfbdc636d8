/**
 * `alknet __complete KIND WORDS…`: the names that a shell offers, one a line. It has 200 ms at each press of a key
 * (`docs/spec/cli.md` 6), so it loads next to nothing, dials nobody, and says nothing when it finds nothing.
 *
 * @module
 */

import { join } from 'node:path';
import { findConfig, thisProcess } from '../config/sources.ts';
import type { Completes } from './command.ts';
import { looseDataDir, looseFile, record } from './loose-config.ts';

const names: Readonly<Record<Completes, (place: Files) => readonly string[]>> = {
  peers: ({ config, peers }) => [...keysOf(config['peers']), ...peers, 'local'],
  entries: ({ peers }) => peers,
  operations: ({ node }) => textsOf(node['operations']),
  plugins: ({ config }) => keysOf(config['plugins']),
};

interface Files {
  readonly config: Readonly<Record<string, unknown>>;
  readonly node: Readonly<Record<string, unknown>>;
  readonly peers: readonly string[];
}

const [, , , kind = '', ...words] = process.argv;
const found = Object.hasOwn(names, kind) ? names[kind as Completes](files(words)) : [];
process.stdout.on('error', () => {});
process.stdout.write([...new Set(found)].map((name) => `${name}\n`).join(''));

function files(typed: readonly string[]): Files {
  const path = findConfig(optionOf(typed, '--config'), thisProcess())?.path;
  const dataDir = looseDataDir(optionOf(typed, '--data'), path);
  const { peers } = looseFile(join(dataDir, 'peers.json'));
  return {
    config: path === undefined ? {} : looseFile(path),
    node: looseFile(join(dataDir, 'node.json')),
    peers: textsOf(Array.isArray(peers) ? peers.map((entry) => record(entry)['id']) : []),
  };
}

function optionOf(typed: readonly string[], option: string): string | undefined {
  const at = typed.findIndex((word) => word === option || word.startsWith(`${option}=`));
  const word = typed[at];
  return word === undefined || word === option
    ? typed[at + 1 || typed.length]
    : word.slice(option.length + 1);
}

function keysOf(value: unknown): readonly string[] {
  return Object.keys(record(value));
}

/** Names alone: nothing that a shell would take for more than a word. */
function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : []).filter(
    (text): text is string => typeof text === 'string' && /^[\w./@:*-]+$/.test(text),
  );
}
