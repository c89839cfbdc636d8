/**
 * References of imported schemas, compiled when a value first gets there. ajv compiles what a reference leads to inside
 * the compilation of what has it: a chain of a few hundred definitions of a remote would use the stack up, where V8 ends
 * the process instead of throwing as soon as a regular expression is compiled there.
 *
 * @module
 */

import type { Ajv, FuncKeywordDefinition, ValidateFunction } from './libraries/ajv.ts';

type Plain = Readonly<Record<string, unknown>>;

const keyword = 'x-alknet-reference';
/** Values, in which a member called `$ref` is data. */
const data: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);
/** References within references of one value; far more than values may be deep. */
const maxNested = 400;

/** A schema whose results reach over references is left to ajv. */
const across = /"(?:unevaluated(?:Properties|Items)|\$(?:dynamic|recursive)Ref)":/;

/**
 * The schema with references that `ajv` follows at run time.
 * @throws Error for a reference out of the schema, or to nowhere in it
 */
export function withLazyReferences(ajv: Ajv, schema: Plain): Plain {
  const text = JSON.stringify(schema);
  if (!text.includes('"$ref":') || across.test(text)) return schema;
  const compiled = new Map<string, ValidateFunction>();
  let root: unknown = schema;
  let nested = 0;
  const get = (reference: string): ValidateFunction => {
    let check = compiled.get(reference);
    if (check === undefined) {
      const target = lookUp(root, reference);
      check = ajv.compile(typeof target === 'boolean' ? target : { ...(target as Plain) });
      compiled.set(reference, check);
    }
    return check;
  };
  const validate: FuncKeywordDefinition['validate'] = (
    reference: string,
    value: unknown,
    _parent,
    context,
  ) => {
    // It refers to itself with no member between: there is nothing more to learn.
    if (nested >= maxNested) return true;
    nested++;
    try {
      const check = get(reference);
      const valid = check(value, context) === true;
      if (validate !== undefined && !valid) Object.assign(validate, { errors: check.errors });
      return valid;
    } finally {
      nested--;
    }
  };
  ajv.addKeyword({ keyword, schemaType: 'string', validate, errors: 'full', modifying: true });
  root = replaced(schema, schema);
  return root as Plain;
}

function replaced(value: unknown, root: Plain): unknown {
  if (Array.isArray(value)) return value.map((each) => replaced(each, root));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]: [string, unknown]): [string, unknown] => {
    if (name !== '$ref' || typeof member !== 'string')
      return [name, data.has(name) ? member : replaced(member, root)];
    if (lookUp(root, member) === undefined) throw new Error(`can't resolve reference ${member}`);
    return [keyword, member];
  });
  return Object.fromEntries(members);
}

/** `undefined` when nothing in the schema is meant. */
function lookUp(root: unknown, reference: string): unknown {
  if (!/^#(?:\/|$)/.test(reference)) return undefined;
  let value = root;
  for (const segment of reference.split('/').slice(1)) {
    const key = decoded(segment).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Plain)[key];
  }
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null) ? value : undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
