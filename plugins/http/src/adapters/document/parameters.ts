/**
 * Parameters of an operation: which there are, what their members of the input are called, and how each is sent.
 * `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

import { found, isObject, type JsonObject, member } from '../json.ts';
import type { ParameterPlan, Place, Style } from '../plan.ts';
import { mediaTypes } from './media-types.ts';
import type { Located, References } from './references.ts';

export interface Parameter extends ParameterPlan {
  readonly required: boolean;
  readonly description: string | undefined;
  readonly schema: Located;
}

const places: readonly Place[] = ['path', 'query', 'header', 'cookie'];
/** Sent by the client itself. */
const ignoredHeaders: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization']);
const styles: Readonly<Record<Place, readonly Style[]>> = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form'],
};

type Unnamed = Omit<Parameter, 'property'>;

/**
 * Those of the path and of the operation together, the latter in the place of the former.
 * @throws AdapterError `SchemaParse`
 */
export function readParameters(
  lists: readonly Located[],
  hasBody: boolean,
  references: References,
): Parameter[] {
  const byPlace = new Map<string, Unnamed>();
  for (const { value, place } of lists) {
    if (value === undefined || value === null) continue;
    if (!Array.isArray(value)) throw references.fault(place, `expected a list, found ${found(value)}`);
    value.forEach((each: unknown, i) => {
      const at = references.object(each, `${place}/${i}`, 'a parameter');
      const parameter = readParameter(at, references);
      if (parameter !== undefined) byPlace.set(`${parameter.in} ${parameter.name}`, parameter);
    });
  }
  return named([...byPlace.values()], hasBody);
}

function readParameter({ value, place }: Located<JsonObject>, references: References): Unnamed | undefined {
  const { name, in: where, description } = value;
  if (typeof name !== 'string' || name === '')
    throw references.fault(`${place}/name`, `expected text, found ${found(name)}`);
  const at = places.find((each) => each === where);
  if (at === undefined)
    throw references.fault(`${place}/in`, `expected path, query, header or cookie, found ${found(where)}`);
  if (at === 'header' && ignoredHeaders.has(name.toLowerCase())) return undefined;
  const style = styles[at].find((each) => each === value['style']) ?? styles[at][0] ?? 'simple';
  const [content] = mediaTypes(value['content'], `${place}/content`, references);
  const schema: Located =
    content === undefined
      ? { value: value['schema'] ?? { type: 'string' }, place: `${place}/schema` }
      : { value: member(content.value, 'schema') ?? {}, place: `${content.place}/schema` };
  return {
    name,
    in: at,
    style,
    explode: typeof value['explode'] === 'boolean' ? value['explode'] : style === 'form',
    allowReserved: value['allowReserved'] === true,
    json: content?.isJson === true,
    required: at === 'path' || value['required'] === true,
    description: typeof description === 'string' && description !== '' ? description : undefined,
    schema,
  };
}

/** A name of several places goes plain to the first of path, query, header, cookie. */
function named(parameters: readonly Unnamed[], hasBody: boolean): Parameter[] {
  const taken = new Set<string>(hasBody ? ['body'] : []);
  const property = new Map<Unnamed, string>();
  for (const place of places) {
    for (const parameter of parameters) {
      if (parameter.in !== place) continue;
      let name = taken.has(parameter.name) ? `${place}_${parameter.name}` : parameter.name;
      while (taken.has(name)) name = `${name}_`;
      taken.add(name);
      property.set(parameter, name);
    }
  }
  return parameters.map((parameter) => ({
    ...parameter,
    property: property.get(parameter) ?? parameter.name,
  }));
}

/** The parameter's schema with its description, unless it has one of its own. */
export function describedSchema(schema: JsonObject, description: string | undefined): JsonObject {
  if (description === undefined || (isObject(schema) && typeof schema['description'] === 'string'))
    return schema;
  return { ...schema, description };
}
