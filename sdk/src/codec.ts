/**
 * From JSON to what a schema declares, and back: base64 to bytes, decimal text to a bigint. `docs/spec/call.md` 3. Pure,
 * and without typebox, so that a browser need not load it.
 *
 * @module
 */

import type { TSchema } from './libraries/typebox.ts';
import { fromBase64, toBase64 } from './text.ts';

/** From JSON to what a handler or caller sees, and back; each leaves its argument as it was. */
export interface Codec {
  decode(value: unknown): unknown;
  encode(value: unknown): unknown;
}

type JsonSchema = Readonly<Record<string, unknown>>;

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `undefined` when nothing in the schema needs conversion, which is the common case. */
export function codecOf(schema: TSchema | JsonSchema): Codec | undefined {
  const decode = decoder(schema as JsonSchema);
  return decode && { decode, encode };
}

type Decode = (value: unknown) => unknown;

function decoder(schema: unknown): Decode | undefined {
  if (!isSchema(schema)) return undefined;
  if (schema['type'] === 'string' && schema['contentEncoding'] === 'base64') {
    return (value) => (typeof value === 'string' ? fromBase64(value) : value);
  }
  if (schema['type'] === 'string' && (schema['format'] === 'int64' || schema['format'] === 'uint64')) {
    return (value) => (typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : value);
  }
  return objectDecoder(schema) ?? arrayDecoder(schema) ?? unionDecoder(schema);
}

function objectDecoder(schema: JsonSchema): Decode | undefined {
  const named = new Map<string, Decode>();
  for (const [key, member] of Object.entries(isSchema(schema['properties']) ? schema['properties'] : {})) {
    const decode = decoder(member);
    if (decode !== undefined) named.set(key, decode);
  }
  const patterns = Object.entries(
    isSchema(schema['patternProperties']) ? schema['patternProperties'] : {},
  ).flatMap(([source, member]) => {
    const decode = decoder(member);
    return decode === undefined ? [] : [{ pattern: new RegExp(source, 'u'), decode }];
  });
  const rest = decoder(schema['additionalProperties']);
  if (named.size === 0 && patterns.length === 0 && rest === undefined) return undefined;
  return (value) => {
    if (!isSchema(value)) return value;
    const decoded: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      const decode = named.get(key) ?? patterns.find(({ pattern }) => pattern.test(key))?.decode ?? rest;
      // Defined, not assigned: a member named __proto__ is data.
      Object.defineProperty(decoded, key, {
        value: decode === undefined ? member : decode(member),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return decoded;
  };
}

function arrayDecoder(schema: JsonSchema): Decode | undefined {
  const { items } = schema;
  if (Array.isArray(items)) {
    const places = items.map(decoder);
    if (places.every((decode) => decode === undefined)) return undefined;
    return (value) =>
      Array.isArray(value)
        ? value.map((item, i) => (places[i] === undefined ? item : places[i]?.(item)))
        : value;
  }
  const each = decoder(items);
  return each && ((value) => (Array.isArray(value) ? value.map(each) : value));
}

/** Of the alternatives that need conversion the first is taken; `Bytes() | null` is what this is for. */
function unionDecoder(schema: JsonSchema): Decode | undefined {
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    const alternatives = schema[keyword];
    if (!Array.isArray(alternatives)) continue;
    const decode = alternatives.map(decoder).find((found) => found !== undefined);
    if (decode !== undefined) return decode;
  }
  return undefined;
}

/** A copy in which bytes are base64 and bigints decimal text. */
function encode(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map(encode);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, encode(member)]));
}
