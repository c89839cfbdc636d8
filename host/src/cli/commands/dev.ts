/**
 * `alknet dev`: serves plugins while they are written.
 *
 * @module
 */

import type { Command } from '../command.ts';

export const devCommand: Command = {
  path: ['dev'],
  summary: 'Serve plugins while you write them, on a throw-away node: every save is in use at once',
  usage: '[DIRECTORY|FILE …]',
  options: [
    { name: 'isolation', value: 'KIND', help: 'inline or worker; default: that of the configuration' },
    { name: 'secret', value: 'NAME=FILE', repeat: true, help: 'give the node a secret' },
    { name: 'port', value: 'N', help: 'of loopback; default: one that is free' },
    { name: 'keep', help: 'leave the directory of the node behind' },
    { name: 'open', help: 'show the page of the node in a browser' },
  ],
  examples: ['alknet dev', 'alknet dev --json --isolation inline'],
  arguments: [0, 64],
  endsItself: true,
  run: async (context) => {
    context.localOnly('dev');
    // The whole node: no other command waits for it to load.
    const { runDev } = await import('../dev/run.ts');
    const code = await runDev(context);
    // A plugin may have left handles behind; they do not keep a stopped node alive.
    process.exit(code);
  },
};
