/**
 * How discovery describes an operation. Member names are those of the wire. `docs/spec/registry.md` 12.
 *
 * @module
 */

import { type AnyOperation, type OperationSpec, type Static, serviceOf, Type } from '@alknet/sdk';
import type { Registration } from './registration.ts';

const OperationTypeName = Type.Union([
  Type.Literal('query'),
  Type.Literal('mutation'),
  Type.Literal('subscription'),
]);
const TextOrNull = Type.Union([Type.String(), Type.Null()]);

export const Schema = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  op_type: OperationTypeName,
  visibility: Type.Literal('external'),
  input_schema: Type.Unknown(),
  output_schema: Type.Unknown(),
  error_schemas: Type.Array(
    Type.Object({
      code: Type.String(),
      description: Type.String(),
      schema: Type.Unknown(),
      http_status: Type.Union([Type.Integer(), Type.Null()]),
    }),
  ),
  access_control: Type.Object({
    required_scopes: Type.Array(Type.String()),
    required_scopes_any: Type.Union([Type.Array(Type.String()), Type.Null()]),
    resource_type: TextOrNull,
    resource_action: TextOrNull,
    authenticated: Type.Boolean(),
    resource_list: Type.Boolean(),
    resource_id_path: TextOrNull,
  }),
  description: Type.String(),
  timeout_ms: Type.Union([Type.Integer(), Type.Null()]),
  title: Type.Optional(Type.String()),
  destructive: Type.Optional(Type.Boolean()),
  idempotent: Type.Optional(Type.Boolean()),
  open_world: Type.Optional(Type.Boolean()),
});
export type Schema = Static<typeof Schema>;

export const Entry = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  op_type: OperationTypeName,
  description: Type.String(),
  spec: Type.Optional(Schema),
});
export type Entry = Static<typeof Entry>;

/** The first sentence. */
function summary(description = ''): string {
  return /^[\s\S]*?[.!?](?=\s|$)/.exec(description)?.[0] ?? description;
}

export function entryOf({ operation }: Registration): Entry {
  return entryOfSpec(operation);
}

export function entryOfSpec({ name, type, description }: OperationSpec): Entry {
  return { name, namespace: serviceOf(name), op_type: type, description: summary(description) };
}

export function entryWithSpec(registration: Registration): Entry {
  return { ...entryOf(registration), spec: schemaOf(registration.operation) };
}

export function schemaOf(operation: AnyOperation): Schema {
  const { name, type, access, title, destructive, idempotent, openWorld } = operation;
  const rule = typeof access === 'object' ? access : {};
  return {
    name,
    namespace: serviceOf(name),
    op_type: type,
    visibility: 'external',
    input_schema: operation.input,
    output_schema: operation.output,
    error_schemas: (operation.errors ?? []).map(({ code, description, schema, httpStatus }) => ({
      code,
      description: description ?? '',
      schema: schema ?? {},
      http_status: httpStatus ?? null,
    })),
    access_control: {
      required_scopes: [...(rule.scopes ?? [])],
      required_scopes_any: rule.anyScopes === undefined ? null : [...rule.anyScopes],
      resource_type: rule.resource?.type ?? null,
      resource_action: rule.resource?.action ?? null,
      authenticated: access !== 'public',
      resource_list: rule.resource?.list ?? false,
      resource_id_path: rule.resource?.path ?? null,
    },
    description: operation.description ?? '',
    timeout_ms: operation.timeoutMs ?? null,
    ...(title === undefined ? {} : { title }),
    ...(destructive === undefined ? {} : { destructive }),
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(openWorld === undefined ? {} : { open_world: openWorld }),
  };
}
