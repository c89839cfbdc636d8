/**
 * The secrets that a plugin's `config` refers to, at the places where its schema says `Secret()`. Pure.
 *
 * @module
 */

import { secretKeyword } from '@alknet/sdk';

type Schema = Readonly<Record<string, unknown>>;

export function secretReferences(schema: unknown, value: unknown): string[] {
  const names = new Set<string>();
  collect(schema, value, names);
  return [...names];
}

function collect(schema: unknown, value: unknown, names: Set<string>): void {
  if (!isRecord(schema) || value === undefined) return;
  if (schema[secretKeyword] === true) {
    if (isRecord(value) && typeof value['secret'] === 'string') names.add(value['secret']);
    return;
  }
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) for (const branch of branches) collect(branch, value, names);
  }
  if (Array.isArray(value)) {
    for (const item of value) collect(schema['items'], item, names);
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, member] of Object.entries(value)) {
    for (const found of membersOf(schema, key)) collect(found, member, names);
  }
}

function* membersOf(schema: Schema, key: string): Generator<unknown> {
  const { properties, patternProperties, additionalProperties } = schema;
  if (isRecord(properties) && Object.hasOwn(properties, key)) yield properties[key];
  else if (isRecord(patternProperties)) {
    for (const [pattern, member] of Object.entries(patternProperties))
      if (new RegExp(pattern).test(key)) yield member;
  } else yield additionalProperties;
}

function isRecord(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
