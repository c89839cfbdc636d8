/**
 * Query parameters to the input of an operation, by its schema. `docs/spec/http.md` 8. Pure.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { nesting } from '@alknet/sdk/call';

type Schema = Readonly<Record<string, unknown>>;

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const maxNesting = 64;

/** @throws CallError `INVALID_INPUT` */
export function queryInput(schema: unknown, query: string): unknown {
  const parameters = new URLSearchParams(query);
  const members = membersOf(schema);
  if (members === undefined) return whole(parameters);
  const input: Record<string, unknown> = Object.create(null);
  for (const name of new Set(parameters.keys()))
    input[name] = memberValue(members(name), name, parameters.getAll(name));
  return input;
}

/** An operation whose input is no object takes it as JSON text. */
function whole(parameters: URLSearchParams): unknown {
  const values = parameters.getAll('input');
  if (values.length > 1) throw repeated('input', values.length);
  const [text] = values;
  return text === undefined ? undefined : parsed('input', text);
}

function memberValue(schema: Schema | undefined, name: string, values: readonly string[]): unknown {
  const kinds = schema === undefined ? new Set(['string']) : kindsOf(schema, schema, 0);
  const [text = ''] = values;
  if (!kinds.has('string') && kinds.has('array')) {
    if (values.length === 1 && text.startsWith('[')) return parsed(name, text);
    const item = schema !== undefined && isSchema(schema['items']) ? schema['items'] : undefined;
    return values.map((value) => memberValue(item, name, [value]));
  }
  if (values.length > 1) throw repeated(name, values.length);
  if (kinds.has('string')) return text;
  if (kinds.has('null') && text === 'null') return null;
  if (kinds.has('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if ((kinds.has('number') || kinds.has('integer')) && decimal.test(text)) return Number(text);
  if (kinds.has('object')) return parsed(name, text);
  return text;
}

/** RFC 8259 6. */
const decimal = /^-?(0|[1-9]\d{0,400})(\.\d{1,400})?([eE][+-]?\d{1,4})?$/;

function repeated(name: string, times: number): CallError {
  return new CallError('INVALID_INPUT', `${name}: expected once, given ${times} times`);
}

function parsed(name: string, text: string): unknown {
  try {
    if (nesting(Buffer.from(text)) <= maxNesting) return JSON.parse(text);
  } catch {
    // Said below.
  }
  throw new CallError('INVALID_INPUT', `${name}: expected JSON text of at most ${maxNesting} levels`);
}

/** The schema of each member of an object; `undefined` when the input is no object. */
function membersOf(schema: unknown): ((name: string) => Schema | undefined) | undefined {
  if (!isSchema(schema)) return undefined;
  const kinds = kindsOf(schema, schema, 0);
  if (!kinds.has('object') && !kinds.has('any')) return undefined;
  const sources = [schema, ...['allOf', 'anyOf', 'oneOf'].flatMap((word) => listOf(schema[word]))];
  return (name) => {
    for (const { properties } of sources) {
      if (!isSchema(properties) || !Object.hasOwn(properties, name)) continue;
      const member = properties[name];
      return resolved(schema, member);
    }
    return undefined;
  };
}

function listOf(value: unknown): Schema[] {
  return Array.isArray(value) ? value.filter(isSchema) : [];
}

/** A reference into the same schema is followed. */
function resolved(root: Schema, schema: unknown): Schema | undefined {
  let at = schema;
  for (let steps = 0; steps < 16; steps++) {
    if (!isSchema(at)) return undefined;
    const reference = at['$ref'];
    if (typeof reference !== 'string') return at;
    const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1];
    const definitions = isSchema(root['$defs']) ? root['$defs'] : root['definitions'];
    if (name === undefined || !isSchema(definitions)) return undefined;
    at = definitions[name];
  }
  return undefined;
}

/** The JSON types that the schema admits. */
function kindsOf(root: Schema, schema: Schema, depth: number): Set<string> {
  const kinds = new Set<string>();
  if (depth > 8) return kinds;
  const { type } = schema;
  for (const word of Array.isArray(type) ? type : [type]) if (typeof word === 'string') kinds.add(word);
  if (kinds.size > 0) return kinds;
  const values = Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const']] : [];
  for (const value of values)
    kinds.add(value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
  for (const word of ['anyOf', 'oneOf', 'allOf'])
    for (const branch of listOf(schema[word])) {
      const followed = resolved(root, branch);
      if (followed !== undefined) for (const kind of kindsOf(root, followed, depth + 1)) kinds.add(kind);
    }
  if (kinds.size === 0 && isSchema(schema['properties'])) kinds.add('object');
  // What admits anything admits text.
  if (kinds.size === 0) kinds.add(depth === 0 && schema === root ? 'any' : 'string');
  return kinds;
}
