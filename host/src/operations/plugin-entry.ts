/**
 * A plugin as `host/plugins/list` shows it: where its code came from, what it requests, and what it was granted.
 * `docs/spec/registry.md` 4 and 15. Pure.
 *
 * @module
 */

import { type Requests, type Static, Type } from '@alknet/sdk';
import { lineToAdd, type PluginInstance, type PluginRow } from '../plugins/index.ts';
import { optional, Text, Words } from './parts.ts';

export const PluginState = Type.Union([
  Type.Literal('running'),
  Type.Literal('starting'),
  Type.Literal('stopping'),
  Type.Literal('disabled'),
  Type.Literal('failed'),
]);

const Rights = Type.Object({
  scopes: optional(Words),
  resources: optional(Type.Record(Text, Words)),
  operations: optional(Words),
  secrets: optional(Type.Array(Text, { description: 'names, never values' })),
  dispatch: optional(Words),
  gateway: optional(Type.Boolean()),
  namespaces: optional(Words),
});

const Provenance = Type.Object({
  name: Text,
  version: Text,
  package: Text,
  integrity: optional(
    Type.String({ description: 'sha256- and base64 over the files of the package, as they were loaded' }),
  ),
  modules: optional(Type.String({ description: 'the same over the bundled modules of other packages' })),
  signer: optional(Type.Object({ name: Text, key: Text }, { description: 'the publisher who signed it' })),
});

export const PluginEntry = Type.Object({
  name: Text,
  package: Text,
  version: Text,
  state: PluginState,
  isolation: Text,
  alpns: Words,
  operations: Type.Array(Text, { description: 'names' }),
  provenance: Type.Union([Provenance, Type.Null()], { description: 'null when no code of it is loaded' }),
  requested: Rights,
  granted: Rights,
  missing: Type.Array(
    Type.Object({
      member: Text,
      entry: Text,
      add: Type.String({ description: 'what to write into the configuration to grant it' }),
    }),
  ),
  refused: optional(
    Type.Array(
      Type.Object({
        member: Text,
        entry: Text,
        count: Type.Integer({ description: 'times since it was loaded' }),
        add: optional(Text),
      }),
      { description: 'what it reached for and was not granted' },
    ),
  ),
  loadedAt: optional(Text),
  problems: optional(Type.Array(Text, { description: 'what did not keep it from loading' })),
  error: optional(Text),
});

export function pluginEntry(row: PluginRow): Static<typeof PluginEntry> {
  const { name, state, isolation, alpns, instance, loadedAt, missing, error } = row;
  const problems = instance?.loaded.problems ?? [];
  const refused = instance?.refusals.rows() ?? [];
  return {
    name,
    package: instance?.loaded.package ?? '',
    version: instance?.version ?? '',
    state,
    isolation,
    alpns: [...alpns],
    operations: (instance?.operations ?? []).map((operation) => operation.name),
    provenance: instance === undefined ? null : provenanceOf(instance),
    requested: rightsOf(instance?.requests ?? {}),
    granted: rightsOf(instance?.granted ?? {}),
    missing: missing.map((lacking) => ({ ...lacking, add: lineToAdd(name, lacking) })),
    ...(refused.length === 0 ? {} : { refused: refused.map((refusal) => ({ ...refusal })) }),
    ...(loadedAt === undefined ? {} : { loadedAt: loadedAt.toISOString() }),
    ...(problems.length === 0 ? {} : { problems: [...problems] }),
    ...(error === undefined ? {} : { error: error.message }),
  };
}

/** A copy, which the schema's members are: that of the instance is frozen. */
function provenanceOf({ provenance }: PluginInstance): Static<typeof Provenance> {
  return structuredClone(provenance) as Static<typeof Provenance>;
}

/** A copy, which the schema's lists are: those of a plugin are frozen. */
function rightsOf(rights: Requests): Static<typeof Rights> {
  return structuredClone(rights) as Static<typeof Rights>;
}
