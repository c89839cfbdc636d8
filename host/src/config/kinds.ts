/**
 * The kinds of value that a configuration is written with, as JSON Schema that an editor understands, with a mark that
 * tells `fit` what they become. `docs/spec/config.md` 2.
 *
 * @module
 */

import { type TSchema, Type } from '@alknet/sdk/typebox';
import { durationPattern, sizePattern } from '@alknet/sdk/units';

/** What `fit` does with a text or number beyond JSON Schema. Ranges in milliseconds or bytes. */
export interface Unit {
  readonly kind: 'duration' | 'size';
  readonly minimum: number;
  readonly maximum: number;
  /** 0 is allowed beside the range, and means none. */
  readonly zero?: boolean;
}

/** Members of our own, beside those of JSON Schema. */
export interface Marks {
  /** How an error names what belongs here. */
  readonly expects?: string;
  readonly unit?: Unit;
  /** Relative to the directory of the file; becomes absolute. */
  readonly isPath?: boolean;
  /** Never shown, whatever stands there. */
  readonly isSecret?: boolean;
}

export interface About {
  readonly description: string;
  readonly default?: unknown;
}

type Range = Omit<Unit, 'kind'> & About;

/** Becomes milliseconds. */
export function duration({ minimum, maximum, zero, ...about }: Range) {
  return Type.Unsafe<number>({
    anyOf: [Type.Number({ minimum: 0 }), Type.String({ pattern: durationPattern })],
    unit: { kind: 'duration', minimum, maximum, ...(zero === undefined ? {} : { zero }) } satisfies Unit,
    expects: 'a duration such as 2 or "2s"',
    ...about,
  });
}

/** Becomes bytes. */
export function size({ minimum, maximum, zero, ...about }: Range) {
  return Type.Unsafe<number>({
    anyOf: [Type.Integer({ minimum: 0 }), Type.String({ pattern: sizePattern })],
    unit: { kind: 'size', minimum, maximum, ...(zero === undefined ? {} : { zero }) } satisfies Unit,
    expects: 'a size such as 1048576 or "1MiB"',
    ...about,
  });
}

export function count({ minimum, maximum, ...about }: Range) {
  return Type.Integer({ minimum, maximum, ...about });
}

/** Becomes an absolute path. */
export function path(about: About) {
  return Type.String({ minLength: 1, maxLength: 4096, isPath: true, expects: 'a path', ...about });
}

export function oneOf<const Words extends readonly string[]>(words: Words, about: About) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...about });
}

/** A list of texts that match a grammar. */
export function words(pattern: string, expects: string, about: About) {
  return Type.Array(Type.String({ pattern, expects }), { maxItems: 10_000, ...about });
}

/** A reference to a named secret; never the value. */
export function secret(about: About) {
  return Type.Unsafe<{ readonly secret: string }>({
    type: 'object',
    properties: {
      secret: Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
        expects: 'the name of a secret',
        description: 'Name of the secret.',
      }),
    },
    required: ['secret'],
    additionalProperties: false,
    isSecret: true,
    expects: 'a reference such as { "secret": "name" }; the value is set with: alknet secret set NAME',
    ...about,
  });
}

/** Any of the schemas; `expects` says it in words. */
export function either<const Schemas extends TSchema[]>(
  schemas: [...Schemas],
  expects: string,
  about: About,
) {
  return Type.Union(schemas, { expects, ...about });
}

/** Other members are errors. */
export const closed = { additionalProperties: false };

/** An object of known members only. */
export function object<const Members extends Record<string, TSchema>>(members: Members, about: About) {
  return Type.Object(members, { ...closed, ...about });
}
