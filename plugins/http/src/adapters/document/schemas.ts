/**
 * Schemas of a document for the registry, which takes each by itself and none over its limits. Pure.
 *
 * @module
 */

import type { TSchema } from '@alknet/sdk';
import type { JsonObject } from '../json.ts';
import type { Located, References } from './references.ts';
import { type Direction, type Expansion, SchemaCopy } from './schema-copy.ts';

/** Nodes to which one schema is expanded in place. */
const maxNodes = 10_000;
/** Bytes of JSON; the registry takes 256 KiB. */
const maxBytes = 200 * 1024;
/** Bytes of JSON of all schemas of a document. */
const maxTotal = 48 * 1024 * 1024;
const minBytes = 4 * 1024;

const dialect = 'https://json-schema.org/draft/2020-12/schema';

/** Copies one schema of the document into the schema that is being made. */
export type CopyPart = (part: Located) => JsonObject;

export class Schemas {
  readonly #references: References;
  readonly #is30: boolean;
  readonly #bytes: number;
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  /** Copies of definitions, which are in many schemas, by direction and place. */
  readonly #definitions = new Map<string, Definition>();

  /** `operations`: how many share the memory that one document may take. */
  constructor(references: References, is30: boolean, operations: number) {
    this.#references = references;
    this.#is30 = is30;
    this.#bytes = Math.max(
      minBytes,
      Math.min(maxBytes, Math.floor(maxTotal / (2 * Math.max(1, operations)))),
    );
  }

  /**
   * A schema made of parts of the document. References that would take it over the limits become references into its
   * `$defs`; and what would still not fit, of these the farthest, admits anything.
   */
  make(direction: Direction, compose: (copy: CopyPart) => JsonObject): TSchema {
    for (const expansion of ['inline', 'defs', 'open'] as const) {
      const made = this.#attempt(direction, expansion, compose);
      if (made !== undefined) return made;
    }
    return {};
  }

  #attempt(
    direction: Direction,
    expansion: Expansion,
    compose: (copy: CopyPart) => JsonObject,
  ): TSchema | undefined {
    const copy = this.#copy(direction, expansion);
    const root = compose((part) => copy.copy(part));
    let bytes = sizeOf(root);
    if (bytes > this.#bytes) return undefined;
    const wanted = new Map(copy.wanted);
    let { usesNewer } = copy;
    const definitions: [string, unknown][] = [];
    // The map grows while it is walked: nearest first.
    for (const [place, { name, at }] of wanted) {
      const definition = bytes < this.#bytes ? this.#definition(direction, at) : undefined;
      const size = (definition?.bytes ?? 0) + name.length + 4;
      if (definition !== undefined && bytes + size <= this.#bytes) {
        definitions.push([name, definition.schema]);
        bytes += size;
        usesNewer ||= definition.copy.usesNewer;
        for (const [next, about] of definition.copy.wanted) if (next !== place) wanted.set(next, about);
      } else {
        definitions.push([name, {}]);
        bytes += name.length + 6;
      }
      if (bytes > 1.2 * this.#bytes) return undefined;
    }
    return {
      ...(usesNewer ? { $schema: dialect } : {}),
      ...root,
      ...(definitions.length === 0 ? {} : { $defs: Object.fromEntries(definitions) }),
    };
  }

  #copy(direction: Direction, expansion: Expansion): SchemaCopy {
    return new SchemaCopy({
      references: this.#references,
      is30: this.#is30,
      direction,
      expansion,
      maxNodes: Math.min(maxNodes, Math.ceil(this.#bytes / 16)),
      nameOf: (place) => this.#nameOf(place),
    });
  }

  #definition(direction: Direction, at: Located): Definition {
    const key = `${direction} ${at.place}`;
    const known = this.#definitions.get(key);
    if (known !== undefined) return known;
    const copy = this.#copy(direction, 'defs');
    const schema = copy.copyDefinition(at);
    const definition = { schema, copy, bytes: sizeOf(schema) };
    this.#definitions.set(key, definition);
    return definition;
  }

  #nameOf(place: string): string {
    const known = this.#names.get(place);
    if (known !== undefined) return known;
    const last = (place.split('/').at(-1) ?? '').replaceAll(/[^A-Za-z0-9._-]/g, '_') || 'root';
    let name = last;
    for (let i = 2; this.#taken.has(name); i++) name = `${last}_${i}`;
    this.#taken.add(name);
    this.#names.set(place, name);
    return name;
  }
}

interface Definition {
  readonly schema: JsonObject | boolean;
  readonly copy: SchemaCopy;
  readonly bytes: number;
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
