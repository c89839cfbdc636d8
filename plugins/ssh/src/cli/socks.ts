/**
 * `alknet socks`: a SOCKS5 listener on this machine whose connections go on from a node. `docs/spec/cli.md` 10.
 *
 * @module
 */

import type { CommandContext, PluginCommand } from '@alknet/sdk';
import { parseBindSpec } from '../client/forward-spec.ts';
import { readSocksUsers } from './socks-users.ts';
import { runTunnel, tunnelOptions } from './tunnel.ts';
import { wrongInput } from './tunnel-error.ts';

const defaultListen = '127.0.0.1:1080';

export const socksCommand: PluginCommand = {
  name: 'socks',
  topLevel: true,
  summary: 'Listen for SOCKS5 here and connect from the node, which also resolves the names',
  usage: 'PEER',
  options: [
    { name: 'listen', value: 'ADDRESS', help: `[BIND:]PORT, 0 for a free port; default ${defaultListen}` },
    ...tunnelOptions,
  ],
  examples: ['alknet socks local --listen 0', 'alknet socks local --listen 127.0.0.1:0 --json'],
  arguments: [1, 1],
  run: runSocks,
};

async function runSocks(context: CommandContext): Promise<void> {
  const dynamic = [listenOf(context.value('listen') ?? defaultListen)];
  const file = context.value('socks-auth');
  const users = file === undefined ? undefined : await readSocksUsers(file);
  await runTunnel(context, { local: [], remote: [], dynamic, users, once: false });
}

function listenOf(text: string) {
  try {
    return parseBindSpec(text);
  } catch (error) {
    throw wrongInput(`--listen: ${error instanceof Error ? error.message : error}`);
  }
}
