/**
 * `alknet config`: the configuration checked, described and shown.
 *
 * @module
 */

import { dirname, resolve } from 'node:path';
import { ConfigError, configJsonSchema, loadConfig, pluginConfigSchema } from '../../config/index.ts';
import { loadPlugin, PluginSupervisor } from '../../plugins/index.ts';
import { sdkVersion } from '../../version.ts';
import type { Command } from '../command.ts';
import { requireConfig } from '../config-change.ts';
import { configValues, nested, valueAt } from '../config-values.ts';
import type { Context } from '../context.ts';
import { CliError, Exit } from '../exit.ts';
import { table } from '../output.ts';

const validateCommand: Command = {
  path: ['config', 'validate'],
  summary: 'Check a configuration: every problem with its place',
  usage: '[FILE]',
  examples: ['alknet config validate'],
  arguments: [0, 1],
  run: async (context) => {
    context.localOnly('config');
    const path = resolve(context.args[0] ?? requireConfig(context));
    try {
      const loaded = await checkedConfig(path);
      for (const { message } of loaded.warnings) context.out.warn(message);
      context.out.result(
        { valid: true, problems: [], path: loaded.path, revision: loaded.revision },
        `${loaded.path} is valid`,
      );
      return Exit.OK;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (!context.out.json) throw error;
      context.out.result({ valid: false, problems: error.problems, path }, '');
      return Exit.CONFIG;
    }
  },
};

/** Loaded, with what manifests say of each other; no plugin code runs. @throws ConfigError */
export async function checkedConfig(path: string) {
  const loaded = await loadConfig(path);
  const services = { directory: dirname(loaded.path) } as ConstructorParameters<typeof PluginSupervisor>[0];
  const findings = await new PluginSupervisor(services).check(loaded.config);
  if (findings.length > 0) throw new ConfigError(loaded.path, findings.map(loaded.document.locate));
  return loaded;
}

const schemaCommand: Command = {
  path: ['config', 'schema'],
  summary: 'JSON Schema of the configuration, or of the part of one plugin',
  usage: '[PLUGIN]',
  examples: ['alknet config schema > alknet.config.schema.json', 'alknet config schema call'],
  arguments: [0, 1],
  completes: 'plugins',
  run: async (context) => {
    context.localOnly('config');
    const [name] = context.args;
    const schema =
      name === undefined
        ? configJsonSchema(await everyPluginSchema(context))
        : pluginConfigSchema(await onePluginSchema(context, name));
    context.out.result(schema, JSON.stringify(schema, null, 2));
    return undefined;
  },
};

/** Without a `config` schema of its own a plugin takes `{}` alone. */
const noConfig = { type: 'object', properties: {}, additionalProperties: false };

async function onePluginSchema(context: Context, name: string): Promise<unknown> {
  const loaded = await context.config();
  const { plugin } = await loadPlugin(name, loaded?.config.plugins[name]?.use, {
    directory: dirname(loaded?.path ?? resolve(context.defaultConfigPath)),
    sdkVersion,
    trust: loaded?.config.trust ?? { mode: 'any', publishers: {} },
  });
  return plugin.config ?? noConfig;
}

/** A plugin that cannot be loaded is described like one that is not named. */
async function everyPluginSchema(context: Context): Promise<Record<string, unknown>> {
  const loaded = await context.config();
  const schemas: Record<string, unknown> = {};
  for (const name of Object.keys(loaded?.config.plugins ?? {})) {
    try {
      schemas[name] = await onePluginSchema(context, name);
    } catch (error) {
      context.out.warn(`plugins.${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return schemas;
}

const showCommand: Command = {
  path: ['config', 'show'],
  summary: 'The values in force: times in milliseconds, sizes in bytes, paths absolute',
  usage: '[KEY]',
  options: [
    { name: 'defaults', help: 'also the values that nobody has set' },
    { name: 'origin', help: 'where each is from: option, environment, file or default' },
  ],
  examples: ['alknet config show', 'alknet config show limits --defaults', 'alknet config show --origin'],
  arguments: [0, 1],
  run: async (context) => {
    context.localOnly('config');
    requireConfig(context);
    const loaded = await context.config();
    if (loaded === undefined) return Exit.CONFIG;
    const [key] = context.args;
    if (key !== undefined && valueAt(loaded.config, key) === undefined)
      throw new CliError(Exit.NOT_FOUND, `the configuration has no key ${key}`, {
        code: 'KEY_NOT_FOUND',
        hint: 'alknet config show --defaults',
      });
    const values = configValues(loaded)
      .filter((value) => key === undefined || value.key === key || value.key.startsWith(`${key}.`))
      // A key that is asked for by name is shown wherever it is from.
      .filter(({ origin }) => context.has('defaults') || key !== undefined || origin !== 'default');
    if (context.has('origin')) {
      context.out.result(
        values,
        table(
          ['key', 'value', 'origin'],
          values.map((value) => [value.key, JSON.stringify(value.value), value.origin]),
        ),
      );
      return undefined;
    }
    const shown = key === undefined ? nested(values) : valueAt(nested(values), key);
    context.out.result(shown, JSON.stringify(shown, null, 2));
    return undefined;
  },
};

export const configCommands: readonly Command[] = [validateCommand, schemaCommand, showCommand];
