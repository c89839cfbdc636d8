/**
 * Help, made of the table of commands. Pure.
 *
 * @module
 */

import { type Command, globalOptions, type Option } from './command.ts';

/** `commands` may be those of plugins too, of which no more is known here. */
export function overview(commands: readonly Pick<Command, 'path' | 'summary'>[]): string {
  const rows = commands.map(({ path, summary }) => [path.join(' '), summary] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    'alknet: a node whose services are ALPNs',
    '',
    'Usage: alknet [global options] COMMAND [arguments] [options]',
    '',
    'Commands:',
    ...rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Global options:',
    optionLines(globalOptions),
    '',
    'Examples:',
    '  alknet status',
    '  alknet call services/list',
    '',
    'alknet COMMAND --help tells more of each.',
    '',
  ].join('\n');
}

export function helpOf({ path, aliases = [], summary, usage = '', options = [], examples }: Command): string {
  return [
    `alknet ${path.join(' ')}: ${summary}`,
    '',
    `Usage: alknet ${path.join(' ')}${usage === '' ? '' : ` ${usage}`}${options.length > 0 ? ' [options]' : ''}`,
    ...(aliases.length === 0
      ? []
      : [`Also:  ${aliases.map((alias) => `alknet ${alias.join(' ')}`).join(', ')}`]),
    ...(options.length === 0 ? [] : ['', 'Options:', optionLines(options)]),
    '',
    'Global options:',
    optionLines(globalOptions),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

function optionLines(options: readonly Option[]): string {
  const rows = options.map(({ name, short, value, help, repeat }) => {
    const flags = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
    return [flags, repeat === true ? `${help} (repeatable)` : help] as const;
  });
  const width = Math.max(...rows.map(([flags]) => flags.length));
  return rows.map(([flags, help]) => `  ${flags.padEnd(width)}  ${help}`).join('\n');
}
