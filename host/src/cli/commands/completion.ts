import type { Command } from '../command.ts';
import { grammarOf } from '../completion/grammar.ts';
import { completionScript, shells } from '../completion/scripts.ts';
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
    const script = completionScript(shell, grammarOf(await commandsNamed([])));
    context.out.result({ shell, script }, script);
    return undefined;
  },
};
