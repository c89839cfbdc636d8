/**
 * `alknet forward`: any number of forwards on one SSH connection to a node. `docs/spec/cli.md` 10, `docs/spec/ssh.md` 8.3.
 *
 * @module
 */

import type { CommandContext, PluginCommand } from '@alknet/sdk';
import { parseBindSpec, parseForwardSpec } from '../client/forward-spec.ts';
import { readSocksUsers } from './socks-users.ts';
import { runTunnel, tunnelOptions } from './tunnel.ts';
import { wrongInput } from './tunnel-error.ts';

export const forwardCommand: PluginCommand = {
  name: 'forward',
  topLevel: true,
  summary: 'Forward ports and sockets to and from a node, and reconnect',
  usage: 'PEER (-L SPEC | -R SPEC | -D [BIND:]PORT) …',
  options: [
    {
      name: 'local',
      short: 'L',
      value: 'SPEC',
      repeat: true,
      help: 'listen here, connect there: [BIND:]PORT:HOST:HOSTPORT, [BIND:]PORT:unix:/PATH, unix:/PATH:HOST:HOSTPORT',
    },
    { name: 'remote', short: 'R', value: 'SPEC', repeat: true, help: 'listen there, connect here' },
    { name: 'dynamic', short: 'D', value: 'ADDRESS', repeat: true, help: 'SOCKS5 here: [BIND:]PORT' },
    { name: 'once', help: 'end at the first loss of the connection, with exit 4' },
    ...tunnelOptions,
  ],
  examples: [
    'alknet forward local -L 0:localhost:80',
    'alknet forward local -R 0:localhost:3000 -D 0 --json',
  ],
  arguments: [1, 1],
  run: runForward,
};

async function runForward(context: CommandContext): Promise<void> {
  const local = parsed(context, 'local', '-L', parseForwardSpec);
  const remote = parsed(context, 'remote', '-R', parseForwardSpec);
  const dynamic = parsed(context, 'dynamic', '-D', parseBindSpec);
  if (local.length + remote.length + dynamic.length === 0)
    throw wrongInput('expected at least one of -L SPEC, -R SPEC and -D [BIND:]PORT');
  const file = context.value('socks-auth');
  const users = file === undefined ? undefined : await readSocksUsers(file);
  await runTunnel(context, { local, remote, dynamic, users, once: context.has('once') });
}

/** Which one is wrong is said by its number: the text may name a target. */
function parsed<Spec>(
  context: CommandContext,
  option: string,
  flag: string,
  parse: (text: string) => Spec,
): Spec[] {
  return context.values(option).map((text, index) => {
    try {
      return parse(text);
    } catch (error) {
      throw wrongInput(`${flag} number ${index + 1}: ${error instanceof Error ? error.message : error}`);
    }
  });
}
