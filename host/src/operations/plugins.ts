/**
 * `host/plugins/*`: what runs, what it may do, switching it on and off, and loading its code anew.
 * `docs/spec/registry.md` 15.
 *
 * @module
 */

import { type AnyOperation, CallError, defineOperation, type OperationContext, Type } from '@alknet/sdk';
import type { Endpoint } from '../endpoint/index.ts';
import { ConfigNotWritable, type SwitchPlugin } from '../node/plugin-switch.ts';
import { PluginError, type PluginSupervisor, UnknownPluginError } from '../plugins/index.ts';
import type { Registry } from '../registry/registry.ts';
import { adminAccess, next, optional, paged, paging, readAccess, recordChange, Text } from './parts.ts';
import { PluginEntry, PluginState, pluginEntry } from './plugin-entry.ts';

const notFound = { code: 'PLUGIN_NOT_FOUND', httpStatus: 404 };
const failed = {
  code: 'PLUGIN_FAILED',
  httpStatus: 422,
  schema: Type.Object({
    message: Text,
    file: optional(Text),
    line: optional(Type.Integer()),
    column: optional(Type.Integer()),
  }),
};

export interface PluginOperationParts {
  readonly supervisor: PluginSupervisor;
  readonly registry: Registry;
  readonly endpoint: Endpoint;
  readonly switchPlugin: SwitchPlugin;
}

export function pluginOperations(parts: PluginOperationParts): AnyOperation[] {
  const { supervisor, registry } = parts;
  const list = defineOperation({
    name: 'host/plugins/list',
    type: 'query',
    access: readAccess,
    input: Type.Object({ ...paging }),
    output: Type.Object({ plugins: Type.Array(PluginEntry), next }),
    title: 'Plugins',
    description: 'Lists the plugins of the configuration: what each is, serves, wishes and may do.',
    handler: (wanted) => {
      const { page, more } = paged(supervisor.rows(), ({ name }) => name, wanted);
      return { plugins: page.map(pluginEntry), ...more };
    },
  });

  const reload = defineOperation({
    name: 'host/plugins/reload',
    type: 'mutation',
    access: adminAccess,
    input: Type.Object({ name: Text }),
    output: Type.Object({ revision: Text, version: Text, integrity: optional(Text), loadedAt: Text }),
    errors: [notFound, failed],
    title: 'Reload a plugin',
    description: 'Loads the code of a plugin anew. On failure the running code stays.',
    handler: async ({ name }, context) => {
      const { version, provenance, loaded } = await inCodes(supervisor.reload(name));
      recordChange(context, { plugin: name, version });
      return {
        revision: registry.base.revision,
        version,
        loadedAt: loaded.loadedAt.toISOString(),
        ...(provenance.integrity ? { integrity: provenance.integrity } : {}),
      };
    },
  });

  return [list, switchOperation(parts, true), switchOperation(parts, false), reload];
}

function switchOperation({ endpoint, switchPlugin }: PluginOperationParts, enabled: boolean): AnyOperation {
  return defineOperation({
    name: enabled ? 'host/plugins/enable' : 'host/plugins/disable',
    type: 'mutation',
    access: adminAccess,
    destructive: !enabled,
    idempotent: true,
    input: Type.Object({
      name: Text,
      persist: optional(
        Type.Boolean({
          default: true,
          description: 'write it into the configuration; else until the next start or change of the entry',
        }),
      ),
      force: optional(Type.Boolean({ description: 'also the plugin that serves this very connection' })),
    }),
    output: Type.Object({ state: PluginState }),
    errors: [
      notFound,
      failed,
      { code: 'CONFIG_NOT_WRITABLE', httpStatus: 409 },
      { code: 'WOULD_DISCONNECT', httpStatus: 409 },
    ],
    title: enabled ? 'Enable a plugin' : 'Disable a plugin',
    description: enabled
      ? 'Switches a plugin on: its ALPNs and operations are there when this answers.'
      : 'Switches a plugin off: its ALPNs and operations are gone when this answers.',
    handler: async ({ name, persist = true, force = false }, context) => {
      if (!enabled && !force) refuseOwnPlugin(endpoint, name, context);
      const state = await inCodes(switchPlugin({ name, enabled, persist }));
      recordChange(context, { plugin: name, state, persist });
      return { state };
    },
  });
}

/** Whoever cuts the branch he sits on has to say that he means it. @throws CallError `WOULD_DISCONNECT` */
function refuseOwnPlugin(endpoint: Endpoint, name: string, { connection }: OperationContext): void {
  const rows = new Map(endpoint.connections().map((row) => [row.id, row]));
  // A dispatched connection hangs on those that it came through.
  for (let row = rows.get(connection?.id ?? ''); row !== undefined; row = rows.get(row.parent ?? '')) {
    if (row.plugin === name)
      throw new CallError(
        'WOULD_DISCONNECT',
        `plugin ${name} serves the connection of this call; give force: true to disable it all the same`,
      );
  }
}

/** What the supervisor or the edit of the file refuses, in the codes of the operations. */
async function inCodes<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UnknownPluginError) throw new CallError('PLUGIN_NOT_FOUND', error.message);
    if (error instanceof ConfigNotWritable) throw new CallError('CONFIG_NOT_WRITABLE', error.message);
    if (!(error instanceof PluginError)) throw error;
    const { message, place } = error;
    throw new CallError('PLUGIN_FAILED', message, { details: { message, ...place } });
  }
}
