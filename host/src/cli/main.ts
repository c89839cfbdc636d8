/**
 * The `alknet` command. `docs/spec/cli.md`.
 *
 * @module
 */

import { CallError } from '@alknet/sdk/streams';
import { builtInCommands } from './built-in-commands.ts';
import type { Command } from './command.ts';
import { commandNames, commandsNamed, refuseLater } from './commands/index.ts';
import { Context } from './context.ts';
import { Exit, toCliError, usage } from './exit.ts';
import { firstWords } from './first-words.ts';
import { helpOf, overview } from './help.ts';
import { abortOn } from './interrupt.ts';
import { Output } from './output.ts';
import { findCommand, nearest, parseArguments } from './parse.ts';

const json = process.argv.includes('--json');

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? Exit.OK : Exit.FAILED);
});

async function main(argv: readonly string[]): Promise<number> {
  const commands = await commandsOf(argv);
  const parsed = parseArguments(argv, commands);
  const { command, words, switches } = parsed;
  if (switches.has('version')) {
    const { alknetVersion } = await import('../version.ts');
    process.stdout.write(`${alknetVersion}\n`);
    return Exit.OK;
  }
  if (words[0] === 'help' || (command === undefined && (switches.has('help') || words.length === 0))) {
    return help(words[0] === 'help' ? words.slice(1) : words, commands);
  }
  if (command === undefined) {
    refuseLater(words);
    throw unknownCommand(words, commands);
  }
  if (switches.has('help')) {
    process.stdout.write(helpOf(command));
    return Exit.OK;
  }
  const [least, most] = command.arguments ?? [0, 0];
  if (parsed.arguments.length < least || parsed.arguments.length > most) {
    throw usage(
      `alknet ${command.path.join(' ')} takes ${command.usage === undefined ? 'no arguments' : command.usage}`,
      `alknet ${command.path.join(' ')} --help`,
    );
  }
  const interrupt = new AbortController();
  if (command.endsItself !== true)
    abortOn(command.carries === true ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM'], interrupt);
  const context = new Context(parsed, interrupt.signal);
  const limit = command.endsItself === true ? undefined : limitTime(context, interrupt);
  try {
    return (await command.run(context)) ?? Exit.OK;
  } catch (error) {
    // Whatever the end came upon, a dial or a call: it was the time.
    if (limit !== undefined && interrupt.signal.reason === limit.late) throw limit.late;
    // Who ended it by a signal is told nothing; the code is that of the signal.
    if (command.carries === true && interrupt.signal.aborted) return Exit.FAILED;
    throw error;
  } finally {
    limit?.lift();
  }
}

/** The longest that a timer of Node takes, in milliseconds. */
const longest = 2 ** 31 - 1;
/** Milliseconds in which what is under way tells the other side that it is over. */
const farewell = 500;

interface TimeLimit {
  /** The reason of an abort by it. */
  readonly late: CallError;
  lift(): void;
}

/** Holds the whole command to `--timeout`, if it is given. */
function limitTime(context: Context, interrupt: AbortController): TimeLimit | undefined {
  if (context.value('timeout') === undefined) return undefined;
  const { timeout } = context;
  const late = new CallError('TIMEOUT', `not done within ${timeout / 1000} s (--timeout)`);
  let end: NodeJS.Timeout | undefined;
  const timer = setTimeout(
    () => {
      interrupt.abort(late);
      end = setTimeout(() => {
        context.out.error(toCliError(late));
        process.exit(Exit.TIMEOUT);
      }, farewell);
    },
    Math.min(timeout, longest),
  );
  return {
    late,
    lift: () => {
      clearTimeout(timer);
      clearTimeout(end);
    },
  };
}

/** Those that the line can mean; none when it names none. */
async function commandsOf(argv: readonly string[]): Promise<readonly Command[]> {
  const line = firstWords(argv);
  const { words, unclear } = line;
  // An option may have a value that looks like a command: only all of them together know.
  if (unclear) {
    const { contributedCommands } = await import('./contributed.ts');
    return [...(await commandsNamed([])), ...(await contributedCommands(line))];
  }
  if (words.length === 0) return [];
  const own = await commandsNamed(words);
  if (own.length > 0) return own;
  return await (await import('./contributed.ts')).contributedCommands(line);
}

function help(words: readonly string[], commands: readonly Command[]): number {
  const { command } = findCommand(words, commands);
  if (command !== undefined) process.stdout.write(helpOf(command));
  else {
    const group = commands.filter(({ path }) => words.length > 0 && path[0] === words[0]);
    if (words.length > 0 && group.length === 0) {
      refuseLater(words);
      throw unknownCommand(words, commands);
    }
    process.stdout.write(overview(group.length > 0 ? group : [...commandNames, ...builtInCommands]));
  }
  return Exit.OK;
}

function unknownCommand(words: readonly string[], commands: readonly Command[]) {
  const group = commands.filter(({ path }) => path.length > 1 && path[0] === words[0]);
  const known =
    group.length > 0
      ? group.map(({ path }) => path.join(' '))
      : [...new Set([...commandNames, ...commands, ...builtInCommands].map(({ path }) => path[0] ?? ''))];
  if (words.length === 1 && group.length > 0)
    return usage(
      `alknet ${words[0]} takes one of ${[...new Set(group.map(({ path }) => path[1]))].join(', ')}`,
      `alknet help ${words[0]}`,
    );
  const text = group.length > 0 ? words.slice(0, 2).join(' ') : (words[0] ?? '');
  const near = nearest(text, known);
  return usage(
    `unknown command: alknet ${text}`,
    near === undefined ? 'alknet help' : `did you mean alknet ${near}?`,
  );
}

/** Before and without a parse that succeeded. */
function colorOf(argv: readonly string[]): string | undefined {
  const text =
    argv.find((word) => word.startsWith('--color='))?.slice(8) ?? argv[argv.indexOf('--color') + 1];
  return text === 'always' || text === 'never' ? text : undefined;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const failure = toCliError(error);
    new Output({
      json,
      quiet: false,
      color: colorOf(process.argv),
      verbose: process.argv.filter((text) => text === '-v' || text === '--verbose').length,
    }).error(failure);
    process.exitCode = failure.exit;
  },
);
