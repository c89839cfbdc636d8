/**
 * The commands that built-in plugins contribute, as far as the host knows them without loading a plugin's code: which
 * word leads to which plugin, and what the overview says of it. `docs/spec/cli.md` 1.
 *
 * @module
 */

import type { Completes } from './command.ts';

export interface BuiltInCommand {
  readonly path: readonly string[];
  readonly plugin: string;
  /** As the command itself says it. */
  readonly summary: string;
  /** Of its first argument. */
  readonly completes?: Completes;
}

export const builtInCommands: readonly BuiltInCommand[] = [
  {
    path: ['ssh'],
    plugin: 'ssh',
    summary: 'Run OpenSSH’s ssh through alknet, with the host key of the node pinned',
    completes: 'peers',
  },
  {
    path: ['sftp'],
    plugin: 'sftp',
    summary: 'List, fetch and send files of a node, or run OpenSSH’s sftp on it',
    completes: 'peers',
  },
  {
    path: ['socks'],
    plugin: 'ssh',
    summary: 'Listen for SOCKS5 here and connect from the node, which also resolves the names',
    completes: 'peers',
  },
  {
    path: ['forward'],
    plugin: 'ssh',
    summary: 'Forward ports and sockets to and from a node, and reconnect',
    completes: 'peers',
  },
  { path: ['git', 'setup'], plugin: 'git', summary: 'Make git understand alknet:// URLs' },
  { path: ['git', 'url'], plugin: 'git', summary: 'The URLs of a repository', completes: 'peers' },
];

/** The plugin whose command a word is by itself. */
export function topLevelOwner(word: string): string | undefined {
  return builtInCommands.find(({ path }) => path.length === 1 && path[0] === word)?.plugin;
}
