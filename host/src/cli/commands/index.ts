/**
 * Every command of this build by its name, and the names of those that come later. What a command needs is loaded for a
 * line that names it, so that `alknet help` and a tunnel start at once.
 *
 * @module
 */

import type { Command } from '../command.ts';
import { CliError, Exit } from '../exit.ts';

export interface CommandName {
  readonly path: readonly string[];
  readonly aliases?: readonly (readonly string[])[];
  /** As the command itself says it. */
  readonly summary: string;
  /** With the other commands of its file. */
  readonly load: () => Promise<readonly Command[]>;
}

const call = async () => {
  const { callCommand, opsCommand, schemaCommand, subscribeCommand } = await import('./call.ts');
  return [callCommand, subscribeCommand, opsCommand, schemaCommand];
};
const peer = async () => (await import('./peer.ts')).peerCommands;
const token = async () => (await import('./token.ts')).tokenCommands;
const secret = async () => (await import('./secret.ts')).secretCommands;
const vault = async () => (await import('./vault.ts')).vaultCommands;
const plugin = async () => (await import('./plugin.ts')).pluginCommands;
const config = async () => (await import('./config.ts')).configCommands;

/** In the order of the overview. */
export const commandNames: readonly CommandName[] = [
  {
    path: ['init'],
    summary: 'Make a node: configuration, keys, and you as its operator',
    load: async () => [(await import('./init.ts')).initCommand],
  },
  {
    path: ['up'],
    aliases: [['serve']],
    summary: 'Run the node in the foreground',
    load: async () => [(await import('./up.ts')).upCommand],
  },
  {
    path: ['dev'],
    summary: 'Serve plugins while you write them, on a throw-away node: every save is in use at once',
    load: async () => [(await import('./dev.ts')).devCommand],
  },
  {
    path: ['status'],
    summary: 'What the node is and whether it runs',
    load: async () => [(await import('./status.ts')).statusCommand],
  },
  { path: ['call'], summary: 'Call an operation', load: call },
  { path: ['subscribe'], summary: 'Follow a subscription, one value a line', load: call },
  { path: ['ops'], summary: 'List the operations that you may call', load: call },
  { path: ['schema'], summary: 'Describe an operation', load: call },
  { path: ['peer', 'add'], summary: 'Let somebody in', load: peer },
  { path: ['peer', 'set'], summary: 'Change an entry', load: peer },
  { path: ['peer', 'list'], summary: 'Who may come in', load: peer },
  { path: ['peer', 'show'], summary: 'One entry, whole', load: peer },
  { path: ['peer', 'enable'], summary: 'Let an entry in again', load: peer },
  { path: ['peer', 'disable'], summary: 'Keep an entry out and end its connections', load: peer },
  { path: ['peer', 'rm'], summary: 'Take an entry away and end its connections', load: peer },
  {
    path: ['token', 'new'],
    aliases: [['token', 'create']],
    summary: 'Make the token of an entry, and the entry if it is missing',
    load: token,
  },
  { path: ['token', 'list'], summary: 'Entries that have a token', load: token },
  { path: ['token', 'revoke'], summary: 'End the token of an entry', load: token },
  {
    path: ['secret', 'set'],
    summary: 'Keep a secret: from a prompt, standard input or a file, never an argument',
    load: secret,
  },
  {
    path: ['secret', 'list'],
    summary: 'Names of secrets and who is granted them; never values',
    load: secret,
  },
  { path: ['secret', 'rm'], summary: 'Forget a secret', load: secret },
  { path: ['secret', 'rotate'], summary: 'Encrypt every secret under the next key version', load: secret },
  { path: ['vault', 'show'], summary: 'Protection, state and public keys', load: vault },
  { path: ['vault', 'export'], summary: 'Print the phrase that restores this node', load: vault },
  {
    path: ['vault', 'rotate'],
    aliases: [['vault', 'passphrase']],
    summary: 'Protect the vault file anew; keys and identity stay',
    load: vault,
  },
  {
    path: ['vault', 'restore'],
    summary: 'Make vault and operator key from a phrase, where there is none',
    load: vault,
  },
  { path: ['vault', 'lock'], summary: 'Lock the vault of the running node', load: vault },
  { path: ['vault', 'unlock'], summary: 'Unlock the vault of the running node', load: vault },
  {
    path: ['plugin', 'new'],
    summary: 'Write the package of a new plugin, ready to test and to serve',
    load: async () => [(await import('./plugin-new.ts')).pluginNewCommand],
  },
  {
    path: ['plugin', 'check'],
    summary: 'Check a plugin: manifest, imports, schemas, and the conformance suite, in a worker and inline',
    load: async () => [(await import('./plugin-check.ts')).pluginCheckCommand],
  },
  {
    path: ['plugin', 'list'],
    summary: 'Plugins: what they serve, where they came from, what they may do',
    load: plugin,
  },
  { path: ['plugin', 'enable'], summary: 'Switch a plugin on', load: plugin },
  { path: ['plugin', 'disable'], summary: 'Switch a plugin off', load: plugin },
  {
    path: ['plugin', 'reload'],
    summary: 'Load the code of a plugin anew, or that of all; on failure the running one stays',
    load: plugin,
  },
  {
    path: ['plugin', 'add'],
    summary: 'Take a plugin into the configuration, or another version of it; grants nothing by itself',
    load: plugin,
  },
  {
    path: ['plugin', 'rm'],
    summary: 'Take a plugin out of the configuration and its lock; its files stay',
    load: plugin,
  },
  {
    path: ['plugin', 'pack'],
    summary: 'Make an archive of a plugin: the same bytes wherever it is made',
    load: plugin,
  },
  {
    path: ['plugin', 'sign'],
    summary: 'Sign the archive or the directory of a plugin, by default with the operator key',
    load: plugin,
  },
  {
    path: ['plugin', 'verify'],
    summary: 'Whether the archive or directory of a plugin is what its signature and its digests say',
    load: plugin,
  },
  {
    path: ['pipe'],
    summary: 'Open one stream and copy standard input and output',
    load: async () => [(await import('./pipe.ts')).pipeCommand],
  },
  {
    path: ['doctor'],
    summary: 'Check everything that a node rests on, and say what to do',
    load: async () => [(await import('./doctor.ts')).doctorCommand],
  },
  {
    path: ['config', 'validate'],
    summary: 'Check a configuration: every problem with its place',
    load: config,
  },
  {
    path: ['config', 'schema'],
    summary: 'JSON Schema of the configuration, or of the part of one plugin',
    load: config,
  },
  {
    path: ['config', 'show'],
    summary: 'The values in force: times in milliseconds, sizes in bytes, paths absolute',
    load: config,
  },
  {
    path: ['completion'],
    summary: 'A script that completes commands, options, peers, operations and plugins',
    load: async () => [(await import('./completion.ts')).completionCommand],
  },
  {
    path: ['version'],
    summary: 'Versions of alknet and what it stands on',
    load: async () => [(await import('./version.ts')).versionCommand],
  },
];

/**
 * Those that a line can mean which begins with these words: the one that they name, or all of its group. No words: every
 * command.
 */
export async function commandsNamed(words: readonly string[]): Promise<readonly Command[]> {
  const meant = commandNames.filter(({ path, aliases = [] }) =>
    [path, ...aliases].some((name) =>
      name.every((word, at) => words[at] === undefined || words[at] === word),
    ),
  );
  // A group whose next word it does not know.
  const found = meant.length > 0 ? meant : commandNames.filter(({ path }) => path[0] === words[0]);
  const files = await Promise.all([...new Set(found.map(({ load }) => load))].map((load) => load()));
  return files.flat();
}

/** Known names that this build does not have. */
const later = ['dns', 'blob', 'msg'];

export function refuseLater(words: readonly string[]): void {
  const name = later.find((text) => text.split(' ').every((word, i) => words[i] === word));
  if (name !== undefined)
    throw new CliError(Exit.UNSUPPORTED, `alknet ${name} is not available in this build`, {
      code: 'NOT_AVAILABLE',
    });
}
