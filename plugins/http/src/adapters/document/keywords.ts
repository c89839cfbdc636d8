/**
 * The keywords of JSON Schema 2020-12: where schemas stand in schemas, and what shape each value must have. Documents of
 * the world are full of values that are none; they are left out, since the remote checks its input itself. Pure.
 *
 * @module
 */

import { isObject } from '../json.ts';

export const schemaKeywords: ReadonlySet<string> = new Set([
  'additionalItems',
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
]);

export const schemaMapKeywords: ReadonlySet<string> = new Set([
  'dependentSchemas',
  'patternProperties',
  'properties',
]);

export const schemaListKeywords: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);

/** Keywords that draft-07, the registry's default dialect, does not know. */
export const newerKeywords: ReadonlySet<string> = new Set([
  'dependentRequired',
  'dependentSchemas',
  'maxContains',
  'minContains',
  'prefixItems',
  'unevaluatedItems',
  'unevaluatedProperties',
]);

/** Of no meaning once a schema stands by itself, or OpenAPI's own. References into definitions have been followed. */
const dropped: ReadonlySet<string> = new Set([
  '$anchor',
  '$defs',
  '$dynamicAnchor',
  '$dynamicRef',
  '$id',
  '$recursiveAnchor',
  '$recursiveRef',
  '$schema',
  '$vocabulary',
  'definitions',
  'discriminator',
  'externalDocs',
  'id',
  'xml',
]);

const types: ReadonlySet<unknown> = new Set([
  'array',
  'boolean',
  'integer',
  'null',
  'number',
  'object',
  'string',
]);

const text = (value: unknown) => typeof value === 'string';
const flag = (value: unknown) => typeof value === 'boolean';
const number = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const count = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const list = (value: unknown) => Array.isArray(value);

const shapes: ReadonlyMap<string, (value: unknown) => boolean> = new Map(
  Object.entries({
    $comment: text,
    contentEncoding: text,
    contentMediaType: text,
    dependentRequired: (value: unknown) =>
      isObject(value) && Object.values(value).every((each) => list(each) && (each as unknown[]).every(text)),
    deprecated: flag,
    description: text,
    enum: (value: unknown) => list(value) && (value as unknown[]).length > 0,
    examples: list,
    exclusiveMaximum: number,
    exclusiveMinimum: number,
    format: text,
    maxContains: count,
    maxItems: count,
    maxLength: count,
    maxProperties: count,
    maximum: number,
    minContains: count,
    minItems: count,
    minLength: count,
    minProperties: count,
    minimum: number,
    multipleOf: (value: unknown) => number(value) && Number(value) > 0,
    pattern: text,
    readOnly: flag,
    title: text,
    uniqueItems: flag,
    writeOnly: flag,
  }),
);

/** Whether a keyword that holds no schema is kept with that value. */
export function keepsKeyword(keyword: string, value: unknown): boolean {
  if (dropped.has(keyword)) return false;
  return (
    shapes.get(keyword)?.(value) ?? (keyword === 'const' || keyword === 'default' || !structural.has(keyword))
  );
}

/** Handled one by one; none of them is copied. */
const structural: ReadonlySet<string> = new Set([
  '$ref',
  'dependencies',
  'example',
  'nullable',
  'required',
  'type',
  ...schemaKeywords,
  ...schemaMapKeywords,
  ...schemaListKeywords,
]);

/** `undefined` when nothing of it is a type. */
export function knownTypes(value: unknown): string[] | undefined {
  const named = (Array.isArray(value) ? value : [value]).filter(
    (each): each is string => typeof each === 'string' && types.has(each),
  );
  return named.length === 0 ? undefined : [...new Set(named)];
}

export function words(value: unknown): string[] {
  return Array.isArray(value)
    ? [...new Set(value.filter((each): each is string => typeof each === 'string'))]
    : [];
}
