/**
 * One schema of an OpenAPI document as JSON Schema that stands by itself: references expanded in place, or kept as
 * references into `$defs`. `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

import { isObject, type JsonObject } from '../json.ts';
import { binary, from30 } from './dialects.ts';
import {
  keepsKeyword,
  knownTypes,
  newerKeywords,
  schemaKeywords,
  schemaListKeywords,
  schemaMapKeywords,
  words,
} from './keywords.ts';
import type { Located, References } from './references.ts';

/** What the schema describes: of a request `readOnly` members are not required, of a response `writeOnly` ones. */
export type Direction = 'request' | 'response';

/** `inline`: in place where possible. `defs`: never in place. `open`: what a reference leads to is anything. */
export type Expansion = 'inline' | 'defs' | 'open';

/** Levels of JSON at which expansion in place ends; the registry takes 64 in all. */
const inlineDepth = 36;
const maxDepth = 58;
/** Definitions that one looks through for a circle. */
const maxInPlace = 200;

export interface CopyOptions {
  readonly references: References;
  readonly is30: boolean;
  readonly direction: Direction;
  readonly expansion: Expansion;
  readonly maxNodes: number;
  /** What a definition is called in `$defs`: the same in all schemas of a document, and no other's. */
  readonly nameOf: (place: string) => string;
}

/** Where the walk is. */
interface Position {
  readonly depth: number;
  /** Places of the definitions being expanded; `true`: an instance's member lies between there and here. */
  readonly entered: ReadonlyMap<string, boolean>;
}

export class SchemaCopy {
  /** Definitions that are referred to, by place, in the order in which they came. */
  readonly wanted = new Map<string, { readonly name: string; readonly at: Located }>();
  nodes = 0;
  /** A keyword was met that draft-07 does not know. */
  usesNewer = false;
  readonly #options: CopyOptions;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  /** @throws AdapterError `SchemaParse` */
  copy({ value, place }: Located): JsonObject {
    const copied = this.#schema(value, place, { depth: 2, entered: new Map() });
    return typeof copied === 'boolean' ? (copied ? {} : { not: {} }) : copied;
  }

  /** The same for what `$defs` holds: nothing in it is expanded in place. */
  copyDefinition({ value, place }: Located): JsonObject | boolean {
    return this.#schema(value, place, { depth: 2, entered: new Map([[place, false]]) }, true);
  }

  #schema(value: unknown, place: string, at: Position, definition = false): JsonObject | boolean {
    this.nodes++;
    if (typeof value === 'boolean') return value;
    if (value === null) return {};
    if (!isObject(value))
      throw this.#options.references.fault(place, `expected a schema, found ${typeof value}`);
    if (at.depth > maxDepth) return {};
    if (typeof value['$ref'] === 'string') return this.#reference(value, place, at, definition);
    return this.#members(value, place, at, definition);
  }

  #reference(value: JsonObject, place: string, at: Position, definition: boolean): JsonObject | boolean {
    const { references, is30, expansion, maxNodes } = this.#options;
    const target = references.target(value['$ref'], place);
    const beside = is30 ? {} : this.#members(value, place, at, definition);
    if (expansion === 'open') return beside;
    const descended = at.entered.get(target.place);
    // A definition that contains itself without a member between says nothing, and no check of it would end.
    if (descended === false || (definition && this.#comesBack(target, at))) return beside;
    const inPlace =
      expansion === 'inline' &&
      !definition &&
      descended === undefined &&
      this.nodes < maxNodes &&
      at.depth < inlineDepth;
    if (!inPlace) return { $ref: `#/$defs/${this.#nameOf(target)}`, ...beside };
    const entered = new Map(at.entered).set(target.place, false);
    const copied = this.#schema(target.value, target.place, { ...at, entered });
    if (Object.keys(beside).length === 0) return copied;
    if (typeof copied === 'boolean') return { allOf: [copied], ...beside };
    const isNote = Object.keys(beside).every((keyword) => annotations.has(keyword));
    return isNote ? { ...copied, ...beside } : { allOf: [copied], ...beside };
  }

  #nameOf({ value, place }: Located): string {
    const known = this.wanted.get(place);
    if (known !== undefined) return known.name;
    const name = this.#options.nameOf(place);
    this.wanted.set(place, { name, at: { value, place } });
    return name;
  }

  #members(schema: JsonObject, place: string, at: Position, definition: boolean): JsonObject {
    const { is30 } = this.#options;
    const copied: [string, unknown][] = [];
    const child = (value: unknown, under: string, inside: boolean, levels = 1) =>
      this.#schema(
        value,
        `${place}/${under}`,
        inside ? below(at, levels) : { ...at, depth: at.depth + levels },
        definition,
      );
    for (const [keyword, value] of Object.entries(schema)) {
      if (newerKeywords.has(keyword)) this.usesNewer = true;
      const inside = !inPlaceKeywords.has(keyword);
      if (keyword === 'items' && Array.isArray(value)) {
        this.usesNewer = true;
        if (value.length > 0)
          copied.push(['prefixItems', value.map((each, i) => child(each, `items/${i}`, true, 2))]);
      } else if (keyword === 'additionalItems' && Array.isArray(schema['items'])) {
        if (isObject(value) || typeof value === 'boolean')
          copied.push(['items', child(value, keyword, true)]);
      } else if (schemaKeywords.has(keyword)) {
        if (isObject(value) || typeof value === 'boolean')
          copied.push([keyword, child(value, keyword, inside)]);
      } else if (schemaMapKeywords.has(keyword)) {
        if (!isObject(value)) continue;
        const members = Object.entries(value).map(([name, each]) => [
          name,
          child(each, `${keyword}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, inside, 2),
        ]);
        copied.push([keyword, Object.fromEntries(members)]);
      } else if (schemaListKeywords.has(keyword)) {
        if (!Array.isArray(value) || value.length === 0) continue;
        copied.push([keyword, value.map((each, i) => child(each, `${keyword}/${i}`, inside, 2))]);
      } else if (keepsKeyword(keyword, value) && depthOf(value) + at.depth < maxDepth) {
        copied.push([keyword, keyword === 'enum' && Array.isArray(value) ? distinct(value) : value]);
      }
    }
    const made: Record<string, unknown> = Object.fromEntries(copied);
    this.#typeAndRequired(schema, made);
    if (
      schema['example'] !== undefined &&
      made['examples'] === undefined &&
      depthOf(schema['example']) + at.depth < maxDepth - 1
    )
      made['examples'] = [schema['example']];
    binary(schema, made);
    return is30 ? from30(schema, made) : made;
  }

  #typeAndRequired(schema: JsonObject, made: Record<string, unknown>): void {
    const named = knownTypes(schema['type']);
    if (named !== undefined) made['type'] = Array.isArray(schema['type']) ? named : named[0];
    const { properties } = schema;
    const skipped = this.#options.direction === 'request' ? 'readOnly' : 'writeOnly';
    const required = words(schema['required']).filter(
      (name) =>
        !(isObject(properties) && Object.hasOwn(properties, name) && isFlagged(properties[name], skipped)),
    );
    if (required.length > 0) made['required'] = required;
  }

  /** Whether `target` leads back to a definition that is being copied, without a member between. */
  #comesBack(target: Located, { entered }: Position): boolean {
    const within = [...entered].filter(([, descended]) => !descended).map(([place]) => place);
    if (within.length === 0) return false;
    const seen = new Set<string>();
    const queue: Located[] = [target];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      if (within.includes(at.place) || seen.size > maxInPlace) return true;
      if (seen.has(at.place)) continue;
      seen.add(at.place);
      for (const reference of inPlaceReferences(at.value, 0))
        queue.push(this.#options.references.target(reference, at.place));
    }
    return false;
  }
}

const annotations: ReadonlySet<string> = new Set([
  'default',
  'deprecated',
  'description',
  'examples',
  'readOnly',
  'title',
  'writeOnly',
]);

/** Keywords whose schemas apply to the same instance. */
const inPlaceKeywords: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'dependentSchemas',
  'else',
  'if',
  'not',
  'oneOf',
  'then',
]);

function below(at: Position, levels: number): Position {
  const entered = new Map([...at.entered].map(([place]) => [place, true] as const));
  return { depth: at.depth + levels, entered };
}

function* inPlaceReferences(schema: unknown, depth: number): Generator<unknown> {
  if (!isObject(schema) || depth > maxDepth) return;
  if (typeof schema['$ref'] === 'string') yield schema['$ref'];
  for (const keyword of inPlaceKeywords) {
    const value = schema[keyword];
    const parts = Array.isArray(value)
      ? value
      : keyword === 'dependentSchemas' && isObject(value)
        ? Object.values(value)
        : [value];
    for (const part of parts) yield* inPlaceReferences(part, depth + 1);
  }
}

function isFlagged(schema: unknown, flag: 'readOnly' | 'writeOnly'): boolean {
  return isObject(schema) && schema[flag] === true;
}

/** A list with a value twice is no JSON Schema. */
function distinct(values: readonly unknown[]): unknown[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const each of Object.values(value)) deepest = Math.max(deepest, depthOf(each));
  return deepest + 1;
}
