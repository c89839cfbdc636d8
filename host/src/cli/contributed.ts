/**
 * Commands that a plugin contributes, run as `alknet <plugin> <name>`. Its code is loaded only for a line that begins with
 * its name, from where the configuration says, in this process and with the checks of the node; whether it is enabled on
 * the node does not matter. Some words are commands of a built-in plugin by themselves. `docs/spec/cli.md` 1.
 *
 * @module
 */

import { dirname, resolve } from 'node:path';
import type { CommandContext, Connection, OperatorFiles, Plugin, PluginCommand } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import type { LoadedConfig } from '../config/index.ts';
import { findConfig, thisProcess } from '../config/sources.ts';
import { importBuiltIn, isBuiltIn, NotInThisBuildError } from '../plugins/built-in.ts';
import { PluginError } from '../plugins/plugin-error.ts';
import { topLevelOwner } from './built-in-commands.ts';
import { type Command, globalOptions } from './command.ts';
import { commandNames } from './commands/index.ts';
import type { Context } from './context.ts';
import { CliError, Exit, toCliError } from './exit.ts';
import type { FirstWords } from './first-words.ts';
import { looseFile, record } from './loose-config.ts';
import { runProgram } from './run-program.ts';

/** Those of the plugin that the line is about; empty when it is about none. @throws CliError, ConfigError */
export async function contributedCommands({ words, config }: FirstWords): Promise<readonly Command[]> {
  const [word] = words;
  const plugin = (word === undefined ? undefined : topLevelOwner(word)) ?? word;
  if (plugin === undefined || commandNames.some(({ path }) => path[0] === plugin)) return [];
  const path = findConfig(config, thisProcess())?.path;
  // Without judging the rest of the file: a mistyped command is no reason to read all of it.
  const named = path !== undefined && Object.hasOwn(record(looseFile(path)['plugins']), plugin);
  if (!named && !isBuiltIn(plugin)) return [];
  const loaded =
    path !== undefined && named ? await (await import('../config/load.ts')).loadConfig(path, {}) : undefined;
  const entry = loaded?.config.plugins[plugin];
  try {
    const builtIn = isBuiltIn(plugin) && entry?.use === undefined;
    const code = builtIn ? await importBuiltIn(plugin) : await foreign(plugin, entry?.use, loaded);
    return commandsOf({ plugin, builtIn }, code.contributes?.cli ?? []);
  } catch (error) {
    if (error instanceof NotInThisBuildError) return [];
    if (error instanceof PluginError)
      throw new CliError(Exit.FAILED, `the commands of ${plugin} cannot be loaded: ${error.message}`, {
        code: 'PLUGIN_FAILED',
        hint: 'alknet plugin list',
      });
    throw error;
  }
}

/** With the checks of the node. @throws PluginError */
async function foreign(
  name: string,
  use: string | undefined,
  loaded: LoadedConfig | undefined,
): Promise<Plugin> {
  const [{ loadPlugin }, { sdkVersion }] = await Promise.all([
    import('../plugins/load.ts'),
    import('../version.ts'),
  ]);
  const { plugin } = await loadPlugin(name, use, {
    directory: dirname(loaded?.path ?? process.cwd()),
    sdkVersion,
    trust: loaded?.config.trust ?? { mode: 'any', publishers: {} },
  });
  return plugin;
}

interface From {
  readonly plugin: string;
  readonly builtIn: boolean;
}

/** @throws CliError that names what is wrong with a command */
function commandsOf({ plugin, builtIn }: From, contributed: unknown): readonly Command[] {
  if (!Array.isArray(contributed)) throw fault(plugin, 'expected a list of commands');
  return contributed.map((command: PluginCommand) => {
    const { name, summary, usage, options, examples, arguments: counts, run } = command;
    if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,39}$/.test(name))
      throw fault(
        plugin,
        `name ${JSON.stringify(name)}: expected one word of lower-case letters, digits and "-"`,
      );
    if (typeof summary !== 'string') throw fault(plugin, `${name}: summary: expected one line of text`);
    if (!Array.isArray(examples) || examples.length === 0)
      throw fault(plugin, `${name}: examples: expected at least one`);
    if (typeof run !== 'function') throw fault(plugin, `${name}: run: expected a function`);
    const taken = options?.find((option) => globalOptions.some((known) => known.name === option.name));
    if (taken !== undefined) throw fault(plugin, `${name}: --${taken.name} is an option of every command`);
    const own = builtIn && command.topLevel === true && topLevelOwner(name) === plugin;
    return {
      path: own ? [name] : [plugin, name],
      summary,
      examples,
      ...(usage === undefined ? {} : { usage }),
      ...(options === undefined ? {} : { options }),
      ...(counts === undefined ? {} : { arguments: counts }),
      ...(command.wraps === true ? { wraps: true, endsItself: true } : {}),
      run: (context) => runContributed({ plugin, builtIn }, command, context),
    };
  });
}

function fault(plugin: string, message: string): CliError {
  return new CliError(Exit.FAILED, `plugin ${plugin}: contributes.cli: ${message}`, {
    code: 'PLUGIN_FAILED',
  });
}

async function runContributed(
  { plugin, builtIn }: From,
  command: PluginCommand,
  context: Context,
): Promise<number | undefined> {
  let session: Promise<Session> | undefined;
  const connections = new Set<Connection>();
  const node = () => {
    session ??= context.session();
    return session;
  };
  const { out, signal } = context;
  const given: CommandContext = {
    arguments: context.args,
    has: (option) => context.has(option),
    value: (option) => context.value(option),
    values: (option) => context.values(option),
    json: out.json,
    signal,
    result: (value, text) => out.result(value, text),
    item: (value, text) => (out.json ? out.item(value) : out.write(`${text}\n`)),
    note: (text) => out.note(text),
    call: async (name, input = {}) => (await node()).call(name, input, context.callOptions),
    async *subscribe(name, input = {}) {
      yield* (await node()).subscribe(name, input, { signal });
    },
    dial: async (peer, alpn) => {
      const connection = await context.dial(peer, alpn);
      connections.add(connection);
      // One that reconnects for months holds on to none of them.
      void connection.closed.then(() => connections.delete(connection));
      return connection;
    },
    runProgram,
    ...(builtIn ? { operator: await operatorFiles(context) } : {}),
  };
  try {
    return (await command.run(given)) ?? undefined;
  } catch (error) {
    const failure = toCliError(error);
    if (failure.exit !== Exit.DEFECT) throw failure;
    // Its author's defect, not alknet's.
    const reason = out.verbose > 0 ? failure.reason : undefined;
    throw new CliError(Exit.FAILED, `${plugin} ${command.name}: ${failure.message}`, {
      code: 'PLUGIN_COMMAND_FAILED',
      ...(reason === undefined ? {} : { reason }),
    });
  } finally {
    for (const connection of connections) connection.close();
    (await session?.catch(() => undefined))?.close();
  }
}

async function operatorFiles(context: Context): Promise<OperatorFiles> {
  const dataDir = resolve(await context.dataDir());
  const { configPath } = context;
  return {
    dataDir,
    key: await context.identity(),
    program: [
      process.execPath,
      ...process.argv.slice(1, 2),
      ...(configPath === undefined ? [] : ['--config', resolve(configPath)]),
      ...['--data', dataDir],
    ],
  };
}
