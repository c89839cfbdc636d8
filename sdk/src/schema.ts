/**
 * Schemas: JSON Schema written with TypeBox, checked by ajv. `docs/spec/registry.md` 6.
 *
 * @module
 */

import { CallError } from './errors.ts';
import { withLazyReferences } from './lazy-references.ts';
import { Ajv, Ajv2020, addFormats, type Options, type ValidateFunction } from './libraries/ajv.ts';
import { type TSchema, Type } from './libraries/typebox.ts';

export { Bytes, Int64, Uint64 } from './bytes.ts';
export { type Codec, codecOf } from './codec.ts';
export { type Static, type TSchema, Type } from './libraries/typebox.ts';

const maxSchemaBytes = 256 * 1024;
const maxSchemaDepth = 64;

/** The keyword that marks a {@link Secret} in a config schema. */
export const secretKeyword = 'x-alknet-secret';

/** A secret in a plugin's config: written `{ "secret": "name" }`, never as literal text. `docs/spec/config.md` 2. */
export function Secret(options: { description?: string } = {}) {
  return Type.Unsafe<{ readonly secret: string }>({
    type: 'object',
    properties: { secret: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' } },
    required: ['secret'],
    additionalProperties: false,
    [secretKeyword]: true,
    ...options,
  });
}

export interface Issue {
  /** JSON Pointer to the place. */
  readonly path: string;
  readonly keyword: string;
  readonly message: string;
}

/** Gives what is wrong, or `undefined`; that of an input fills defaults into the value, in place. */
export type Check = (value: unknown) => readonly Issue[] | undefined;

/** Why a schema cannot be used. */
export class SchemaFault extends Error {
  override readonly name = 'SchemaFault';
}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const uint64 = { min: 0n, max: 2n ** 64n - 1n };

function integerFormat({ min, max }: { min: bigint; max: bigint }) {
  return (text: string) => {
    if (!/^-?\d{1,20}$/.test(text)) return false;
    const value = BigInt(text);
    return value >= min && value <= max;
  };
}

function makeAjv(Make: typeof Ajv | typeof Ajv2020, own: boolean, useDefaults: boolean): Ajv {
  const options: Options = {
    strict: own,
    // TypeBox writes tuples, unions and patterns that these two style rules dislike.
    strictTuples: false,
    strictTypes: false,
    useDefaults,
    validateFormats: true,
    addUsedSchema: false,
    logger: false,
    // Compiling the meta-schema takes twenty times as long as compiling a schema: metaChecks has it, once.
    meta: false,
    validateSchema: false,
  };
  const ajv = new Make(options) as Ajv;
  addFormats.default(ajv);
  ajv.addFormat('int64', integerFormat(int64));
  ajv.addFormat('uint64', integerFormat(uint64));
  ajv.addKeyword({ keyword: secretKeyword, schemaType: 'boolean' });
  return ajv;
}

const draft2020 = /draft\/2020-12/;

/** Of each dialect, made when the first schema of it comes. */
const metaChecks = new Map<typeof Ajv | typeof Ajv2020, Ajv>();

function metaCheck(Make: typeof Ajv | typeof Ajv2020): Ajv {
  const made = metaChecks.get(Make) ?? (new Make({ logger: false }) as Ajv);
  metaChecks.set(Make, made);
  return made;
}

/**
 * A check made of a schema. Own schemas are strict: an unknown keyword or format, or a reference out of the schema, is a
 * fault. Of imported ones unknown keywords and formats are ignored, and patterns are not evaluated: the remote checks
 * them itself, and a catastrophic one must not slow this node (REG-44).
 * @throws SchemaFault
 */
export function compileSchema(
  schema: TSchema,
  origin: 'own' | 'imported' = 'own',
  defaults: 'fill' | 'leave' = 'fill',
): Check {
  const { plain, Make } = checkSchema(schema);
  if (origin === 'imported') dropPatterns(plain);
  // A fresh instance for each schema: $ids of different plugins do not meet, and it goes when the check goes.
  const ajv = makeAjv(Make, origin === 'own', defaults === 'fill');
  let validate: ValidateFunction;
  try {
    validate = ajv.compile(origin === 'imported' ? withLazyReferences(ajv, plain) : plain);
  } catch (error) {
    throw new SchemaFault(error instanceof Error ? error.message : String(error));
  }
  return (value) => (validate(value) ? undefined : issuesOf(validate));
}

/**
 * Size, depth, and whether it is a JSON Schema at all; with a copy, and the dialect.
 * @throws SchemaFault
 */
export function checkSchema(schema: TSchema): {
  readonly plain: Record<string, unknown>;
  readonly Make: typeof Ajv | typeof Ajv2020;
} {
  const text = JSON.stringify(schema);
  if (typeof schema !== 'object' || schema === null)
    throw new SchemaFault(`expected a schema, found ${text}`);
  if (Buffer.byteLength(text) > maxSchemaBytes)
    throw new SchemaFault(`the schema is over ${maxSchemaBytes} bytes`);
  if (depthOf(schema) > maxSchemaDepth)
    throw new SchemaFault(`the schema is over ${maxSchemaDepth} levels deep`);
  const plain = JSON.parse(text) as Record<string, unknown>;
  const dialect = plain['$schema'];
  const Make = typeof dialect === 'string' && draft2020.test(dialect) ? Ajv2020 : Ajv;
  const meta = metaCheck(Make);
  let valid: boolean | Promise<unknown>;
  try {
    valid = meta.validateSchema(plain);
  } catch (error) {
    throw new SchemaFault(error instanceof Error ? error.message : String(error));
  }
  if (valid !== true) throw new SchemaFault(`not a JSON Schema: ${meta.errorsText()}`);
  return { plain, Make };
}

function issuesOf(validate: ValidateFunction): Issue[] {
  return (validate.errors ?? []).slice(0, 20).map(({ instancePath, keyword, message, params }) => ({
    path: instancePath,
    keyword,
    message: describe(keyword, message, params),
  }));
}

/** ajv's words, which never hold the value, with what they leave out. */
function describe(keyword: string, message: string | undefined, params: Record<string, unknown>): string {
  if (keyword === 'additionalProperties')
    return `must not have the property ${String(params['additionalProperty'])}`;
  if (keyword === 'enum' && Array.isArray(params['allowedValues'])) {
    return `must be one of ${params['allowedValues'].map((value) => JSON.stringify(value)).join(', ')}`;
  }
  if (keyword === 'const') return `must be ${JSON.stringify(params['allowedValue'])}`;
  return message ?? keyword;
}

/** The refusal of an input, with the first problem in its message and all in `details`. */
export function invalidInput(issues: readonly Issue[]): CallError {
  const [first] = issues;
  const where = first === undefined || first.path === '' ? '' : `${first.path} `;
  return new CallError(
    'INVALID_INPUT',
    `invalid input: ${where}${first?.message ?? 'does not fit the schema'}`,
    {
      details: { issues },
    },
  );
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const member of Object.values(value)) deepest = Math.max(deepest, depthOf(member));
  return deepest + 1;
}

/** A copy without what a remote could slow this node with. */
export function withoutPatterns(schema: TSchema): TSchema {
  const copy = JSON.parse(JSON.stringify(schema)) as TSchema;
  dropPatterns(copy);
  return copy;
}

function dropPatterns(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) return;
  const members = schema as Record<string, unknown>;
  if (typeof members['pattern'] === 'string') delete members['pattern'];
  if (typeof members['patternProperties'] === 'object') delete members['patternProperties'];
  for (const member of Object.values(members)) dropPatterns(member);
}
