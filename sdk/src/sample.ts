/**
 * Values made of a schema: one that fits, and one that does not. Pure.
 *
 * @module
 */

import { compileSchema, type TSchema } from './schema.ts';

type Schema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const texts: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  duration: 'PT1S',
  email: 'ada@example.org',
  hostname: 'example.org',
  ipv4: '127.0.0.1',
  ipv6: '::1',
  uri: 'https://example.org/',
  'uri-reference': '/',
  uuid: '00000000-0000-4000-8000-000000000000',
  int64: '0',
  uint64: '0',
};

/** A small value that fits, or `undefined` when the schema asks for what cannot be guessed, a `pattern` say. */
export function fitting(schema: TSchema): { readonly value: unknown } | undefined {
  const value = sample(schema as Schema);
  return fits(schema, value) ? { value } : undefined;
}

/** A value that the schema refuses, or `undefined` when it takes everything. */
export function unfitting(schema: TSchema): { readonly value: unknown } | undefined {
  const good = fitting(schema)?.value;
  const spoilt = isObject(good)
    ? Object.keys(good).flatMap((key) => [without(good, key), { ...good, [key]: { unexpected: true } }])
    : [];
  const candidates: unknown[] = [null, 0, 'text', [], true, {}, ...spoilt, { unexpected: true }];
  const value = candidates.find((candidate) => !fits(schema, candidate));
  return value === undefined ? undefined : { value };
}

function fits(schema: TSchema, value: unknown): boolean {
  return compileSchema(schema)(structuredClone(value)) === undefined;
}

function without(value: Schema, key: string): Schema {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}

function sample(schema: unknown): unknown {
  if (!isObject(schema)) return {};
  if ('const' in schema) return schema['const'];
  if ('default' in schema) return schema['default'];
  for (const keyword of ['examples', 'enum']) {
    const [first] = Array.isArray(schema[keyword]) ? schema[keyword] : [];
    if (first !== undefined) return first;
  }
  for (const keyword of ['anyOf', 'oneOf']) {
    const alternatives = schema[keyword];
    if (Array.isArray(alternatives)) return sample(alternatives[0]);
  }
  if (Array.isArray(schema['allOf'])) return Object.assign({}, ...schema['allOf'].map(sample));
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  switch (type) {
    case 'string':
      return text(schema);
    case 'integer':
    case 'number':
      return number(schema, type === 'integer');
    case 'boolean':
      return false;
    case 'null':
      return null;
    case 'array':
      return list(schema);
    default:
      return members(schema);
  }
}

function text({ format, minLength }: Schema): string {
  const known = typeof format === 'string' ? texts[format] : undefined;
  return known ?? 'a'.repeat(typeof minLength === 'number' ? minLength : 0);
}

/** The one that is nearest to 0. */
function number(
  { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }: Schema,
  whole: boolean,
) {
  const step = numberOr(multipleOf, whole ? 1 : 0.5);
  const least = numberOr(minimum, numberOr(exclusiveMinimum, Number.NEGATIVE_INFINITY) + step / 2);
  const most = numberOr(maximum, numberOr(exclusiveMaximum, Number.POSITIVE_INFINITY) - step / 2);
  if (least > 0) return Math.ceil(least / step) * step;
  return most < 0 ? Math.floor(most / step) * step : 0;
}

const numberOr = (value: unknown, other: number) => (typeof value === 'number' ? value : other);

function list({ items, minItems }: Schema): unknown[] {
  if (Array.isArray(items)) return items.map(sample);
  return Array.from({ length: typeof minItems === 'number' ? minItems : 0 }, () => sample(items));
}

/** Of an object, what it requires. */
function members({ properties, required }: Schema): Schema {
  const known = isObject(properties) ? properties : {};
  const names = Array.isArray(required) ? required : [];
  return Object.fromEntries(names.map((name) => [name, sample(known[name])]));
}
