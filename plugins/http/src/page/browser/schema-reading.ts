/** What a form has to know of a JSON Schema: what a reference leads to, and what there is to choose from. */

import type { JsonSchema } from './operation-list.ts';

export type Schema = Readonly<Record<string, unknown>>;

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A reference into the same schema, and the one alternative beside `null`. */
export function resolved(given: unknown, root: JsonSchema): unknown {
  let schema = given;
  for (let step = 0; step < 8 && isSchema(schema); step++) {
    const { $ref: ref, anyOf, oneOf, type } = schema;
    if (typeof ref === 'string' && ref.startsWith('#/')) {
      schema = ref
        .slice(2)
        .split('/')
        .reduce<unknown>(
          (part, key) => (isSchema(part) ? part[key.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
          root,
        );
      continue;
    }
    const others = [anyOf ?? oneOf].flat().filter((each) => isSchema(each) && each['type'] !== 'null');
    if (Array.isArray(anyOf ?? oneOf) && others.length === 1 && isSchema(others[0])) {
      const { anyOf: _any, oneOf: _one, ...rest } = schema;
      schema = { ...rest, ...others[0] };
      continue;
    }
    if (Array.isArray(type)) {
      const kinds = type.filter((each) => each !== 'null');
      return kinds.length === 1 ? { ...schema, type: kinds[0] } : { ...schema, type: undefined };
    }
    return schema;
  }
  return schema;
}

export function choicesOf({
  enum: values,
  const: only,
  anyOf,
  oneOf,
}: Schema): readonly unknown[] | undefined {
  if (Array.isArray(values)) return values;
  if (only !== undefined) return [only];
  const alternatives = anyOf ?? oneOf;
  if (!Array.isArray(alternatives) || alternatives.length === 0) return undefined;
  const isConst = (each: unknown) => isSchema(each) && 'const' in each;
  return alternatives.every(isConst) ? alternatives.map((each) => (each as Schema)['const']) : undefined;
}
