import { builtInCommands } from '../built-in-commands.ts';
import type { Command } from '../command.ts';
import { grammarOf } from '../completion/grammar.ts';
import { completionScript, shells } from '../completion/scripts.ts';
import type { Context } from '../context.ts';
import { contributedCommands } from '../contributed.ts';
import { usage } from '../exit.ts';
import { commandsNamed } from './index.ts';

export const completionCommand: Command = {
  path: ['completion'],
  summary: 'A script that completes commands, options, peers, operations and plugins',
  usage: 'bash|zsh|fish',
  examples: ['source <(alknet completion bash)'],
  arguments: [1, 1],
  run: async (context) => {
    const [wanted] = context.args;
    const shell = shells.find((name) => name === wanted);
    if (shell === undefined)
      throw usage(`expected one of ${shells.join(', ')}, found ${JSON.stringify(wanted)}`);
    const script = completionScript(
      shell,
      grammarOf([...(await commandsNamed([])), ...(await ofPlugins(context))]),
    );
    context.out.result({ shell, script }, script);
    return undefined;
  },
};

/** Those of the built-in plugins, with their options where the code of the plugin can be loaded. */
async function ofPlugins(context: Context): Promise<Pick<Command, 'path' | 'options' | 'completes'>[]> {
  const contributed = await Promise.all(
    [...new Set(builtInCommands.map(({ plugin }) => plugin))].map((plugin) =>
      contributedCommands({ words: [plugin], unclear: false, config: context.value('config') }).catch(
        () => [],
      ),
    ),
  );
  const known = new Map(contributed.flat().map((command) => [command.path.join(' '), command]));
  return builtInCommands.map(({ path, completes }) => ({
    path,
    options: known.get(path.join(' '))?.options ?? [],
    ...(completes === undefined ? {} : { completes }),
  }));
}
