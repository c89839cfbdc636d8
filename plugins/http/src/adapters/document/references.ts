/**
 * References inside one document: JSON Pointers (RFC 6901) in a URI fragment. Nothing is ever fetched. Pure.
 *
 * @module
 */

import { AdapterError } from '@alknet/sdk';
import { escapePointer, found, isObject, type JsonObject } from '../json.ts';

/** A value and where it stands, as `#/paths/~1pets/get`. */
export interface Located<Value = unknown> {
  readonly value: Value;
  readonly place: string;
}

export class References {
  readonly #root: JsonObject;
  /** What the document is called in messages. */
  readonly #document: string;
  readonly #known = new Map<string, Located>();

  constructor(root: JsonObject, document: string) {
    this.#root = root;
    this.#document = document;
  }

  fault(place: string, what: string): AdapterError {
    return new AdapterError('SchemaParse', `${this.#document}: ${place}: ${what}`);
  }

  /** Where a reference leads, in one spelling for all that lead there. @throws AdapterError `SchemaParse` */
  target(reference: unknown, place: string): Located {
    if (typeof reference !== 'string')
      throw this.fault(`${place}/$ref`, `expected text, found ${found(reference)}`);
    const known = this.#known.get(reference);
    if (known !== undefined) return known;
    if (!reference.startsWith('#')) {
      throw this.fault(
        `${place}/$ref`,
        `expected a reference inside the document (#/...), found ${found(reference)}; bundle the documents into one first`,
      );
    }
    const target = this.#lookUp(reference, place);
    this.#known.set(reference, target);
    return target;
  }

  #lookUp(reference: string, place: string): Located {
    const nowhere = () => this.fault(`${place}/$ref`, `${found(reference)} leads nowhere in the document`);
    let pointer: string;
    try {
      pointer = decodeURIComponent(reference.slice(1));
    } catch {
      throw nowhere();
    }
    if (pointer !== '' && !pointer.startsWith('/')) throw nowhere();
    let value: unknown = this.#root;
    const segments = pointer.split('/').slice(1);
    for (const segment of segments) {
      const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) throw nowhere();
      value = (value as JsonObject)[key];
    }
    return { value, place: `#${pointer}` };
  }

  /**
   * What stands at a place where the specification allows a reference. Follows chains of them.
   * @throws AdapterError `SchemaParse` for a cycle, or what is no object
   */
  object(value: unknown, place: string, expected: string): Located<JsonObject> {
    const passed = new Set<string>();
    let at: Located = { value, place };
    while (isObject(at.value) && typeof at.value['$ref'] === 'string') {
      at = this.target(at.value['$ref'], at.place);
      if (passed.has(at.place)) throw this.fault(place, `its references go round in a circle at ${at.place}`);
      passed.add(at.place);
    }
    if (!isObject(at.value)) throw this.fault(at.place, `expected ${expected}, found ${found(at.value)}`);
    return { value: at.value, place: at.place };
  }

  /** The members of an object, with their places; an absent one has none. @throws AdapterError `SchemaParse` */
  members(value: unknown, place: string): [string, Located][] {
    if (value === undefined || value === null) return [];
    if (!isObject(value)) throw this.fault(place, `expected an object, found ${found(value)}`);
    return Object.entries(value).map(([key, each]) => [
      key,
      { value: each, place: `${place}/${escapePointer(key)}` },
    ]);
  }
}
