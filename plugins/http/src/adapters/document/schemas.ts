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
    const copy = new SchemaCopy({
      references: this.#references,
      is30: this.#is30,
      direction,
      expansion,
      maxNodes: Math.min(maxNodes, Math.ceil(this.#bytes / 16)),
    });
    const root = compose((part) => copy.copy(part));
    let bytes = sizeOf(root);
    if (bytes > this.#bytes) return undefined;
    const definitions: [string, unknown][] = [];
    // The map grows while its definitions are copied: nearest first.
    for (const { name, at } of copy.wanted.values()) {
      const definition = bytes < this.#bytes ? copy.copyDefinition(at) : {};
      const size = sizeOf(definition) + name.length + 4;
      const fits = bytes + size <= this.#bytes;
      definitions.push([name, fits ? definition : {}]);
      bytes += fits ? size : name.length + 6;
      if (bytes > 1.2 * this.#bytes) return undefined;
    }
    return {
      ...(copy.usesNewer ? { $schema: dialect } : {}),
      ...root,
      ...(definitions.length === 0 ? {} : { $defs: Object.fromEntries(definitions) }),
    };
  }
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
