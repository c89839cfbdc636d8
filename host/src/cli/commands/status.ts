import { existsSync } from 'node:fs';
import type { Session } from '@alknet/sdk/call';
import { protectionText } from '../../node/protection-text.ts';
import type { NodeStatus } from '../../operations/status.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { notRunning } from '../context.ts';
import { table } from '../output.ts';
import { pages } from '../pages.ts';

export const statusCommand: Command = {
  path: ['status'],
  summary: 'What the node is and whether it runs',
  examples: ['alknet status', 'alknet status --json'],
  arguments: [0, 0],
  run: status,
};

async function status(context: Context): Promise<number | undefined> {
  if (context.value('node') === undefined && (await context.runningNode()) === undefined)
    return await offline(context);
  const session = await context.session();
  const state = (await session.call(
    'host/status',
    {},
    { timeoutMs: context.timeout, signal: context.signal },
  )) as NodeStatus;
  const online = await peersOnline(context, session);
  session.close();
  const {
    id,
    z32,
    version,
    uptime,
    configuration,
    listeners,
    plugins,
    certificates,
    peers,
    connections,
    vault,
    problems,
  } = state;
  context.out.result(
    {
      running: true,
      id,
      z32,
      version,
      uptime,
      configuration: {
        path: configuration.path,
        revision: configuration.revision,
        restartNeeded: configuration.restartNeeded,
      },
      listeners: listeners.map(({ transport, address, alpns }) => ({ transport, address, alpns })),
      plugins,
      certificates,
      peers,
      connections,
      peersOnline: online,
      vault,
      problems,
    },
    [
      `node      ${id}`,
      `          ${z32}`,
      `version   ${version}, up ${duration(uptime)}`,
      `config    ${configuration.path} (revision ${configuration.revision})`,
      ...(configuration.restartNeeded.length === 0
        ? []
        : [`          restart needed for: ${configuration.restartNeeded.join(', ')}`]),
      `vault     ${vault.state}; ${vault.protection}`,
      `open      ${connections} connections, ${online} peers`,
      '',
      table(
        ['listener', 'address', 'alpns'],
        listeners.map(({ transport, address, alpns }) => [transport, address, alpns.join(' ')]),
      ),
      table(
        ['plugin', 'version', 'state', 'error'],
        plugins.map(({ name, version: v, state: s, error }) => [name, v, s, error ?? '']),
      ),
      ...(peers.length === 0
        ? []
        : [
            table(
              ['peer', 'state', 'operations', 'error'],
              peers.map(({ alias, state: s, operations, error }) => [alias, s, `${operations}`, error ?? '']),
            ),
          ]),
      ...problems.map(({ where, message }) => `problem: ${where}: ${message}`),
    ].join('\n'),
  );
  return undefined;
}

/** Distinct peers that are connected. */
async function peersOnline(context: Context, session: Session): Promise<number> {
  const peers = new Set<string>();
  const found = pages<{ connections: readonly { peer: string | null }[] }>(
    session,
    'host/connections/list',
    context.callOptions,
  );
  for await (const { connections } of found)
    for (const { peer } of connections) if (peer !== null) peers.add(peer);
  return peers.size;
}

async function offline(context: Context): Promise<number> {
  const dataDir = await context.dataDir();
  const { readVaultFile, vaultPath } = await import('../../vault/vault-file.ts');
  if (!existsSync(vaultPath(dataDir))) throw await notRunning(context);
  const file = await readVaultFile(dataDir, (message) => context.out.warn(message));
  const state = {
    running: false,
    id: file.identity,
    configuration: { path: context.configPath ?? null },
    vault: { state: 'locked', protection: protectionText(file.protection) },
  };
  context.out.result(
    state,
    `node      ${file.identity}\nconfig    ${state.configuration.path}\nvault     locked; ${state.vault.protection}`,
  );
  throw await notRunning(context);
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
