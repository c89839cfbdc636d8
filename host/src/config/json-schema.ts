/**
 * The JSON Schema of the file for editors, with the `config` schemas of the plugins that it names.
 * `docs/spec/config.md` 2. Pure.
 *
 * @module
 */

import { configSchema } from './schema.ts';

const ours = new Set(['unit', 'expects', 'isPath', 'isSecret']);

/** `plugins`: name to the schema of its `config`. */
export function configJsonSchema(plugins: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const schema = plain(configSchema) as Record<string, unknown> & { properties: { plugins: PluginsSchema } };
  const { plugins: entries } = schema.properties;
  const [[pattern = '', entry] = []] = Object.entries(entries.patternProperties);
  entries.properties = Object.fromEntries(
    Object.entries(plugins).map(([name, config]) => [name, withConfig(entry, plain(config))]),
  );
  const named = Object.keys(plugins);
  // A name is described by its own schema or by that for all others, not by both.
  const others = named.length === 0 ? pattern : `^(?!(?:${named.join('|')})$)${pattern.slice(1)}`;
  entries.patternProperties = { [others]: entry };
  entries.additionalProperties = false;
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'alknet.config.json', ...schema };
}

/** The part of one plugin: `config` is the schema of its `config`. */
export function pluginConfigSchema(config: unknown): Record<string, unknown> {
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...(plain(config) as object) };
}

interface PluginsSchema {
  patternProperties: Record<string, unknown>;
  properties?: Record<string, unknown>;
  additionalProperties?: boolean;
}

function withConfig(entry: unknown, config: unknown): unknown {
  const copy = structuredClone(entry) as { anyOf: { properties?: Record<string, unknown> }[] };
  for (const branch of copy.anyOf) if (branch.properties !== undefined) branch.properties['config'] = config;
  return copy;
}

/** Without our own marks, and with nothing required that has a default. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plain);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([key]) => !ours.has(key));
  const copy: Record<string, unknown> = {};
  for (const [key, value] of entries) copy[key] = key === 'default' ? value : plain(value);
  const { required, properties } = copy;
  if (Array.isArray(required) && typeof properties === 'object' && properties !== null) {
    const members = properties as Record<string, { default?: unknown }>;
    copy['required'] = required.filter((key) => members[String(key)]?.default === undefined);
  }
  return copy;
}
