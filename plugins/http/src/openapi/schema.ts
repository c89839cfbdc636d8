/**
 * Schemas of operations as OpenAPI 3.1 has them: JSON Schema 2020-12, with references that lead to where they stand in
 * the document. `docs/spec/http.md` 16.1. Pure.
 *
 * @module
 */

import { escapePointer, isObject, type JsonObject } from '../adapters/json.ts';

/** Values, in which nothing is a keyword. */
const data: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples', 'required', 'type']);
/** They would give the schema another base, or another dialect, than the document has. */
const dropped: ReadonlySet<string> = new Set(['$anchor', '$id', '$schema']);

/** A place in the document, as `#/paths/~1git~1list`. */
export function placeOf(...segments: readonly string[]): string {
  return `#/${segments.map(escapePointer).join('/')}`;
}

/** Where a schema stands, and where its definitions go. */
export interface SchemaPlace {
  readonly place: string;
  /** First part of the names of its definitions. */
  readonly name: string;
  /** `components.schemas` of the document. */
  readonly components: Map<string, unknown>;
}

/** The schema as it stands there. What it defines becomes a component, which generators make a named type of. */
export function documentSchema(schema: unknown, at: SchemaPlace): unknown {
  if (!isObject(schema)) return schema;
  const { $defs, definitions, ...rest } = schema;
  for (const defined of [$defs, definitions]) {
    if (!isObject(defined)) continue;
    for (const [name, definition] of Object.entries(defined))
      at.components.set(componentName(at, name), copy(definition, at, true));
  }
  return copy(rest, at, true);
}

function componentName({ name }: SchemaPlace, definition: string): string {
  return `${name}.${definition.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
}

/** `keywords`: whether the members of an object are keywords, and not names of properties. */
function copy(value: unknown, at: SchemaPlace, keywords: boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => copy(each, at, true));
  if (!isObject(value)) return value;
  const tuple = keywords && Array.isArray(value['items']);
  const members = Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
    if (!keywords) return [[name, copy(member, at, true)]];
    if (dropped.has(name)) return [];
    if (name === '$ref' && typeof member === 'string') return [[name, moved(member, at)]];
    if (data.has(name)) return [[name, member]];
    // Draft-07 writes tuples in another way.
    if (tuple && name === 'items') return [['prefixItems', copy(member, at, true)]];
    if (tuple && name === 'additionalItems') return [['items', copy(member, at, true)]];
    return [[name, copy(member, at, !namesOf.has(name))]];
  });
  return Object.fromEntries(members);
}

const namesOf: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);

function moved(reference: string, at: SchemaPlace): string {
  if (reference === '#') return at.place;
  const [, keyword, name = '', rest = ''] = /^#\/(\$defs|definitions)\/([^/]+)(.*)$/.exec(reference) ?? [];
  if (keyword !== undefined) {
    const definition = name.replaceAll('~1', '/').replaceAll('~0', '~');
    return `${placeOf('components', 'schemas', componentName(at, definition))}${rest}`;
  }
  return reference.startsWith('#/') ? `${at.place}${reference.slice(1)}` : reference;
}

type Kind = 'string' | 'number' | 'integer' | 'boolean';

const kinds: readonly Kind[] = ['string', 'number', 'integer', 'boolean'];

/** The one kind of scalar that a schema admits, so that its text in a query can mean only that. */
function scalarKind(schema: unknown): Kind | undefined {
  if (!isObject(schema) || schema['$ref'] !== undefined) return undefined;
  const { type, anyOf, oneOf } = schema;
  if (schema['allOf'] !== undefined || schema['not'] !== undefined || schema['if'] !== undefined)
    return undefined;
  const alternatives = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : undefined;
  if (alternatives !== undefined) {
    const [first, ...rest] = alternatives.map(scalarKind);
    return rest.every((each) => each === first) ? first : undefined;
  }
  if (type !== undefined) return kinds.find((kind) => kind === type);
  const values = Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const']] : [];
  const [first, ...rest] = values.map((value) => kinds.find((kind) => kind === typeof value));
  return rest.every((each) => each === first) ? first : undefined;
}

function isQueryMember(schema: unknown): boolean {
  if (scalarKind(schema) !== undefined) return true;
  if (!isObject(schema) || schema['type'] !== 'array' || schema['$ref'] !== undefined) return false;
  const { type: _type, items, ...rest } = schema;
  const plain = Object.keys(rest).every((keyword) => listKeywords.has(keyword));
  return plain && scalarKind(items) !== undefined;
}

const notes = ['$comment', '$id', '$schema', 'default', 'deprecated', 'description', 'examples', 'title'];
const listKeywords: ReadonlySet<string> = new Set([...notes, 'maxItems', 'minItems', 'uniqueItems']);
const objectKeywords: ReadonlySet<string> = new Set([
  ...notes,
  'additionalProperties',
  'maxProperties',
  'minProperties',
  'properties',
  'required',
  'type',
]);

/** The members of an input that query parameters can carry; `undefined` when it needs a body. */
export function queryMembers(input: JsonObject): readonly [string, JsonObject][] | undefined {
  if (input['type'] !== 'object' || !Object.keys(input).every((keyword) => objectKeywords.has(keyword)))
    return undefined;
  if (isObject(input['additionalProperties'])) return undefined;
  const { properties = {} } = input;
  if (!isObject(properties)) return undefined;
  const members = Object.entries(properties);
  return members.every((entry): entry is [string, JsonObject] => isQueryMember(entry[1]))
    ? members
    : undefined;
}
