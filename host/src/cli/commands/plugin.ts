/**
 * `alknet plugin`: protocols of a node, switched on and off.
 *
 * @module
 */

import { switchEdit } from '../../config/index.ts';
import { isBuiltIn } from '../../plugins/index.ts';
import type { Command } from '../command.ts';
import { changeConfig, requireConfig } from '../config-change.ts';
import type { Context } from '../context.ts';
import { CliError, Exit } from '../exit.ts';
import { addCommands } from './plugin-add.ts';
import { listCommand, listed } from './plugin-list.ts';
import { packCommands } from './plugin-pack.ts';

function switchCommand(enabled: boolean): Command {
  const word = enabled ? 'enable' : 'disable';
  return {
    path: ['plugin', word],
    summary: enabled ? 'Switch a plugin on' : 'Switch a plugin off',
    usage: 'NAME',
    options: enabled ? [] : [{ name: 'force', help: 'also the plugin that serves this very command' }],
    examples: [`alknet plugin ${word} ${enabled ? 'call' : '--help'}`],
    arguments: [1, 1],
    completes: 'plugins',
    run: async (context) => {
      const name = context.args[0] ?? '';
      const state =
        context.value('node') === undefined
          ? await switchHere(context, name, enabled)
          : await context.overSession(async (session) => {
              const input = { name, ...(context.has('force') ? { force: true } : {}) };
              const answer = await session.call(`host/plugins/${word}`, input, context.callOptions);
              return (answer as { state: string }).state;
            });
      context.out.result({ name, state }, `${word}d ${name}: ${state}`);
      return undefined;
    },
  };
}

/** Edits the file; a node that follows it says what came of it. */
async function switchHere(context: Context, name: string, enabled: boolean): Promise<string> {
  requireConfig(context);
  const loaded = await context.config();
  const edit =
    switchEdit(loaded?.document.value ?? {}, name, enabled) ??
    (enabled && isBuiltIn(name) ? { path: ['plugins', name], value: true } : undefined);
  if (edit === undefined)
    throw new CliError(Exit.NOT_FOUND, `there is no plugin ${name} in the configuration`, {
      code: 'PLUGIN_NOT_FOUND',
      hint: 'alknet plugin list',
    });
  const taken = await changeConfig(context, [edit]);
  if (!taken) return enabled ? 'enabled' : 'disabled';
  return await settled(context, name, enabled);
}

const patience = 5_000;
const look = 25;

/** The state that the plugin comes to. Without `call` there is nobody to ask, and nothing to wait for. */
async function settled(context: Context, name: string, enabled: boolean): Promise<string> {
  if (name === 'call' && !enabled) return 'disabled';
  return await context.overSession(async (session) => {
    const until = Date.now() + patience;
    for (;;) {
      const { plugins } = (await session.call('host/status', {}, context.callOptions)) as {
        plugins: readonly { name: string; state: string; error?: string }[];
      };
      const row = plugins.find((plugin) => plugin.name === name);
      if (row?.state === 'failed')
        throw new CliError(Exit.FAILED, `${name} is switched on and does not start: ${row.error ?? ''}`, {
          code: 'PLUGIN_FAILED',
          hint: `alknet plugin disable ${name}`,
        });
      const state = row?.state ?? 'disabled';
      if (state === (enabled ? 'running' : 'disabled') || Date.now() > until) return state;
      await new Promise((resolve) => setTimeout(resolve, look));
    }
  });
}

const reloadCommand: Command = {
  path: ['plugin', 'reload'],
  summary: 'Load the code of a plugin anew, or that of all; on failure the running one stays',
  usage: '[NAME]',
  examples: ['alknet plugin reload call'],
  arguments: [0, 1],
  completes: 'plugins',
  run: async (context) => {
    const reloaded = await context.overSession(async (session) => {
      const names =
        context.args.length > 0
          ? context.args
          : (await listed(context, session))
              .filter(({ state }) => state === 'running' || state === 'failed')
              .map(({ name }) => name);
      const results: ({ name: string } & Record<string, unknown>)[] = [];
      for (const name of names) {
        const answer = await session.call('host/plugins/reload', { name }, context.callOptions);
        results.push({ name, ...(answer as Record<string, unknown>) });
      }
      return results;
    });
    context.out.result(
      context.args.length > 0 ? reloaded[0] : reloaded,
      reloaded.map(({ name, version }) => `reloaded ${name} ${String(version)}\n`).join(''),
    );
    return undefined;
  },
};

export const pluginCommands: readonly Command[] = [
  listCommand,
  switchCommand(true),
  switchCommand(false),
  reloadCommand,
  ...addCommands,
  ...packCommands,
];
