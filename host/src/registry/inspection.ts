/**
 * `host/operations`: the whole registry as operators see it, with where each operation came from and what it may do.
 * Nobody else sees either (REG-39). `docs/spec/registry.md` 15.
 *
 * @module
 */

import { type AnyOperation, defineOperation, patternToText, Type } from '@alknet/sdk';
import { privilegeOf } from './composition.ts';
import type { Registration } from './registration.ts';
import type { Registry } from './registry.ts';

const Text = Type.String();
const Words = Type.Array(Text);

const Provenance = Type.Object({
  kind: Text,
  plugin: Type.Object({
    name: Text,
    version: Text,
    package: Text,
    integrity: Type.Optional(Text),
    modules: Type.Optional(Text),
    signer: Type.Optional(Type.Object({ name: Text, key: Text })),
  }),
  source: Type.Optional(Text),
  loadedAt: Text,
  revision: Text,
});

const Privilege = Type.Object({
  authority: Type.Union([
    Type.Null(),
    Type.Object({ label: Text, scopes: Words, resources: Type.Record(Text, Words) }),
  ]),
  reach: Words,
  capabilities: Type.Array(Text, { description: 'names of secrets and keys, never values' }),
});

export function inspectionOperation(registry: Registry): AnyOperation {
  return defineOperation({
    name: 'host/operations',
    type: 'query',
    access: { anyScopes: ['host:read', 'host:admin', 'admin'] },
    description: 'Lists every operation of the node, with its provenance and its privilege.',
    input: Type.Object({
      prefix: Type.Optional(Text),
      after: Type.Optional(Type.String({ description: 'the last name of the page before' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
    }),
    output: Type.Object({
      operations: Type.Array(
        Type.Object({
          name: Text,
          type: Text,
          visibility: Text,
          provenance: Provenance,
          privilege: Privilege,
          exportedAs: Type.Optional(Words),
          running: Type.Integer(),
        }),
      ),
      revision: Text,
      next: Type.Optional(Text),
    }),
    handler: ({ prefix = '', after = '', limit = 100 }) => {
      const found = registry.base
        .all()
        .filter(({ operation: { name } }) => name.startsWith(prefix) && name > after);
      const page = found.slice(0, limit);
      const exported = exportsOf(registry);
      const last = page.at(-1)?.operation.name;
      return {
        operations: page.map((registration) => inspect(registration, exported)),
        revision: registry.base.revision,
        ...(found.length > page.length && last !== undefined ? { next: last } : {}),
      };
    },
  });
}

/** Names under which each import is exported. */
function exportsOf(registry: Registry): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { operation, exports } of registry.base.all()) {
    if (exports !== undefined) names.set(exports, [...(names.get(exports) ?? []), operation.name]);
  }
  return names;
}

function inspect(registration: Registration, exported: ReadonlyMap<string, readonly string[]>) {
  const { operation, provenance, stats } = registration;
  const { authority, reach, capabilities } = privilegeOf(registration);
  const { signer, ...plugin } = provenance.plugin;
  const { source, ...origin } = provenance;
  const exportedAs = exported.get(operation.name);
  return {
    name: operation.name,
    type: operation.type,
    visibility: operation.visibility ?? 'external',
    provenance: {
      ...origin,
      ...(source === undefined ? {} : { source }),
      plugin: {
        ...plugin,
        ...(signer === undefined ? {} : { signer: { ...signer } }),
      },
    },
    privilege: {
      authority: authority && {
        label: authority.id,
        scopes: [...authority.scopes],
        resources: Object.fromEntries(
          Object.entries(authority.resources).map(([type, words]) => [type, [...words]]),
        ),
      },
      reach: reach.map(patternToText),
      capabilities: [...capabilities],
    },
    running: stats.running,
    ...(exportedAs === undefined ? {} : { exportedAs: [...exportedAs] }),
  };
}
