/**
 * The plugin's module in its thread, and what the host is told of it.
 *
 * @module
 */

import type { Plugin } from '@alknet/sdk';
import type { Portables } from '../portable.ts';
import type { DescribedPlugin, NoPlugin } from '../protocol.ts';
import type { Handlers } from './operations.ts';

/** @throws what the module throws */
export async function importPlugin(url: string): Promise<Plugin | NoPlugin> {
  const module: { readonly default?: unknown } = await import(url);
  const plugin = module.default;
  if (plugin === undefined) return { fault: 'expected a default export made by definePlugin, found none' };
  if (typeof plugin !== 'object' || plugin === null)
    return { fault: `expected a default export made by definePlugin, found ${typeof plugin}` };
  const { start } = plugin as Partial<Record<keyof Plugin, unknown>>;
  if (start !== undefined && typeof start !== 'function')
    return { fault: `the plugin's start: expected a function, found ${typeof start}` };
  // Name, version and the rest are checked by the host, which is told them as they are.
  return plugin as Plugin;
}

/** @throws TypeError when something in it cannot leave the thread */
export function describePlugin(plugin: Plugin, handlers: Handlers, portables: Portables): DescribedPlugin {
  const { name, version, alpns, config, requests, operations, contributes, start } = plugin;
  return {
    name,
    version,
    alpns,
    config,
    requests,
    operations: operations?.map((operation) => handlers.describe(operation)),
    contributes:
      contributes === undefined
        ? undefined
        : (portables.encode(contributes) as Readonly<Record<string, unknown>>),
    start: start !== undefined,
  };
}
