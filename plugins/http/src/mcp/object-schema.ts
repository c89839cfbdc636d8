/**
 * Schemas of tools: MCP wants objects at the top (`type: "object"`), operations may have any schema. Pure.
 *
 * @module
 */

import { isRecord } from './content-blocks.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** With the `type` that MCP asks for. */
export interface ObjectSchema extends JsonSchema {
  readonly type: 'object';
}

/** A copy as plain JSON. MCP knows no boolean schemas, neither at the top nor of a property: they become objects. */
export function plainSchema(schema: unknown): JsonSchema {
  const plain = withPointers(notBoolean(JSON.parse(JSON.stringify(schema) ?? 'true')));
  const { properties } = plain;
  if (!isRecord(properties)) return plain;
  const members = Object.entries(properties).map(([name, each]) => [name, notBoolean(each)]);
  return { ...plain, properties: Object.fromEntries(members) };
}

/**
 * TypeBox names parts of a recursive schema by `$id` and refers to them by that. Clients hold the schemas of all tools
 * in one place, where such names would meet: they become JSON Pointers.
 */
function withPointers(schema: JsonSchema): JsonSchema {
  const definitions = isRecord(schema['$defs']) ? schema['$defs'] : {};
  const ids = new Map<string, string>();
  for (const [name, each] of Object.entries(definitions)) {
    if (isRecord(each) && each['$id'] === name) ids.set(name, `#/$defs/${pointerPart(name)}`);
  }
  if (ids.size === 0) return schema;
  const rewritten = mapSchema(schema, (part) => {
    const { $id, $ref, ...rest } = part;
    const id = typeof $id === 'string' && ids.has($id) ? undefined : $id;
    const pointer = typeof $ref === 'string' ? (ids.get($ref) ?? $ref) : $ref;
    return {
      ...(id === undefined ? {} : { $id: id }),
      ...(pointer === undefined ? {} : { $ref: pointer }),
      ...rest,
    };
  });
  return isRecord(rewritten) ? rewritten : schema;
}

/** RFC 6901, 3 */
function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function notBoolean(schema: unknown): JsonSchema {
  if (isRecord(schema)) return schema;
  return schema === false ? { not: {} } : {};
}

/** Whether every value that fits is an object. */
export function admitsObjectsOnly(schema: unknown, root: JsonSchema, depth = 0): boolean {
  if (!isRecord(schema) || depth > 16) return false;
  if (schema['type'] === 'object') return true;
  if (typeof schema['$ref'] === 'string' && referenced(schema['$ref'], root, depth)) return true;
  const { allOf, anyOf, oneOf } = schema;
  const only = (each: unknown) => admitsObjectsOnly(each, root, depth + 1);
  if (Array.isArray(allOf) && allOf.some(only)) return true;
  for (const variants of [anyOf, oneOf]) {
    if (Array.isArray(variants) && variants.length > 0 && variants.every(only)) return true;
  }
  return false;
}

/** A reference into `$defs` of the same schema. */
function referenced(reference: string, root: JsonSchema, depth: number): boolean {
  const name = /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1];
  const definitions = isRecord(root['$defs']) ? root['$defs'] : {};
  if (name === undefined) return false;
  return admitsObjectsOnly(definitions[name.replaceAll('~1', '/').replaceAll('~0', '~')], root, depth + 1);
}

/** The schema itself with `type`, or an object that has it as its one member. */
export function asObject(
  schema: JsonSchema,
  member: string,
  required: boolean,
): { readonly schema: ObjectSchema; readonly wrapped: boolean } {
  if (admitsObjectsOnly(schema, schema)) return { schema: { ...schema, type: 'object' }, wrapped: false };
  return { schema: wrapped(schema, member, required), wrapped: true };
}

export function wrapped(schema: JsonSchema, member: string, required: boolean): ObjectSchema {
  // The dialect is told at the top of a document.
  const { $schema, ...rest } = schema;
  return {
    ...($schema === undefined ? {} : { $schema }),
    type: 'object',
    properties: { [member]: rebased(rest, `#/properties/${member}`) },
    ...(required ? { required: [member] } : {}),
    additionalProperties: false,
  };
}

/** Keywords whose members are data or names, and no schemas. */
const data = new Set(['const', 'enum', 'default', 'examples', 'required']);
const named = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

/** Pointers from the root follow the schema to its new place; a part with an `$id` is a document of its own. */
export function rebased(schema: unknown, base: string): unknown {
  return mapSchema(schema, (part) => {
    const { $ref } = part;
    return typeof $ref === 'string' && /^#(\/|$)/.test($ref) ? { ...part, $ref: base + $ref.slice(1) } : part;
  });
}

/** A copy with each part of the schema changed, the innermost first. */
function mapSchema(schema: unknown, change: (part: JsonSchema) => JsonSchema, top = true): unknown {
  const inner = (each: unknown) => mapSchema(each, change, false);
  if (Array.isArray(schema)) return schema.map(inner);
  if (!isRecord(schema) || (!top && isDocument(schema))) return schema;
  const member = ([key, value]: [string, unknown]): [string, unknown] => {
    if (data.has(key)) return [key, value];
    if (named.has(key) && isRecord(value))
      return [key, Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inner(each)]))];
    return [key, inner(value)];
  };
  return change(Object.fromEntries(Object.entries(schema).map(member)));
}

/** With an `$id` of a URI, pointers inside are its own. */
function isDocument(schema: JsonSchema): boolean {
  return typeof schema['$id'] === 'string' && schema['$id'].includes(':');
}
