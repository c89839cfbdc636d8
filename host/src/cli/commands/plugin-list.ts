/**
 * `alknet plugin list`: what runs, where it came from, what it wishes and what it may do.
 *
 * @module
 */

import { dirname } from 'node:path';
import type { Requests } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import type { PluginEntry } from '../../config/effective.ts';
import { grantedOf, lineToAdd, locatePlugin, missingGrants, requestLines } from '../../plugins/index.ts';
import type { Command } from '../command.ts';
import { requireConfig } from '../config-change.ts';
import type { Context } from '../context.ts';
import { table } from '../output.ts';
import { pages } from '../pages.ts';

/** As `host/plugins/list` tells it; what only a running node knows is absent otherwise. */
interface Row {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly alpns: readonly string[];
  readonly operations?: readonly string[];
  readonly provenance?: {
    readonly integrity?: string;
    readonly signer?: { readonly name: string; readonly key: string };
  } | null;
  readonly requested?: Requests;
  readonly granted?: Requests;
  readonly missing?: readonly { readonly member: string; readonly entry: string; readonly add: string }[];
  readonly refused?: readonly { readonly member: string; readonly entry: string; readonly count: number }[];
  readonly problems?: readonly string[];
  readonly error?: string;
}

export const listCommand: Command = {
  path: ['plugin', 'list'],
  summary: 'Plugins: what they serve, where they came from, what they may do',
  options: [{ name: 'grants', help: 'each request with whether it is granted, and what was refused' }],
  examples: ['alknet plugin list', 'alknet plugin list --grants', 'alknet plugin list --json'],
  arguments: [0, 0],
  run: async (context) => {
    const rows = (await isLive(context))
      ? await context.overSession((session) => listed(context, session))
      : await configured(context);
    context.out.result(rows, context.has('grants') ? grantsTable(rows) : pluginsTable(rows));
    return undefined;
  },
};

async function isLive(context: Context): Promise<boolean> {
  return context.value('node') !== undefined || (await context.runningNode()) !== undefined;
}

export async function listed(context: Context, session: Session): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const found = pages<{ plugins: readonly Row[] }>(session, 'host/plugins/list', context.callOptions);
  for await (const { plugins } of found) rows.push(...plugins);
  return rows.map((row) => ({ ...row, signer: row.provenance?.signer ?? null }));
}

/** What the files say while no node runs; no plugin code is run for it. */
async function configured(context: Context): Promise<readonly Row[]> {
  const directory = dirname(requireConfig(context));
  const loaded = await context.config();
  return await Promise.all(
    Object.values(loaded?.config.plugins ?? {}).map((entry) => configuredRow(entry, directory)),
  );
}

async function configuredRow(entry: PluginEntry, directory: string): Promise<Row> {
  const { name, use, grant } = entry;
  const state = entry.enabled ? 'not running' : 'disabled';
  try {
    const { facts, builtIn } = await locatePlugin(name, use, directory);
    if (facts === undefined) return { name, version: '', state, alpns: [] };
    const { alpns, requests } = facts.manifest;
    // Which secrets its config names is known to its schema, which is code.
    const granted = grantedOf({ requests, grant, builtIn, configSecrets: [] });
    const missing = missingGrants(requests, granted).map((lacking) => ({
      ...lacking,
      add: lineToAdd(name, lacking),
    }));
    return { name, version: facts.version, state, alpns, requested: requests, granted, missing };
  } catch (error) {
    return { name, version: '', state, alpns: [], error: error instanceof Error ? error.message : '' };
  }
}

function pluginsTable(rows: readonly Row[]): string {
  return table(
    ['name', 'version', 'state', 'alpns', 'operations', 'integrity', 'signed by', 'missing grants'],
    rows.map(({ name, version, state, alpns, operations, provenance, missing }) => [
      name,
      version,
      state,
      alpns.join(' '),
      String(operations?.length ?? '-'),
      // Enough to compare by eye; --json has the whole.
      provenance?.integrity?.slice(0, 'sha256-'.length + 12) ?? '-',
      provenance?.signer?.name ?? '-',
      String(missing?.length ?? '-'),
    ]),
  );
}

function grantsTable(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ name, requested = {}, granted = {}, refused = [] }): string[][] => {
    const [wished, had] = [requestLines(requested), requestLines(granted)];
    return [
      ...wished.map((line) => [name, line, had.includes(line) ? 'granted' : 'not granted']),
      // Named by its config, or a part of a wider wish.
      ...had.filter((line) => !wished.includes(line)).map((line) => [name, line, 'granted']),
      ...refused.map(({ member, entry, count }) => [name, `${member}=${entry}`, `refused ${count} times`]),
    ];
  });
  return table(['plugin', 'request', 'grant'], lines);
}
