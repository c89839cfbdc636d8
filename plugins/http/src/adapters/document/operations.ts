/**
 * The operations of an OpenAPI document: for each what the registry is told and how a call of it becomes a request.
 * `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

import { type DeclaredError, isImportedName, type OperationType, type TSchema } from '@alknet/sdk';
import { found, isObject, type JsonObject, member } from '../json.ts';
import type { RequestPlan } from '../plan.ts';
import { type Body, readBody } from './body.ts';
import { operationNames } from './names.ts';
import { describedSchema, type Parameter, readParameters } from './parameters.ts';
import type { OpenApiRoot } from './read.ts';
import { type Located, References } from './references.ts';
import { declaredErrors, readResponses } from './responses.ts';
import { Schemas } from './schemas.ts';

export const maxOperations = 10_000;
const methods = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'] as const;
const maxTitle = 100;
const maxDescription = 2000;

/** An operation without what the operator's entry decides. */
export interface DocumentOperation {
  /** Without the namespace. */
  readonly name: string;
  readonly type: OperationType;
  readonly input: TSchema;
  readonly output: TSchema;
  readonly errors: readonly DeclaredError[];
  readonly title?: string;
  readonly description?: string;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
  readonly request: RequestPlan;
}

interface Found {
  readonly method: string;
  readonly path: string;
  readonly operationId: string | undefined;
  readonly at: Located<JsonObject>;
  readonly shared: Located;
}

/**
 * One at a time, so that whoever reads a large document can let others run between two.
 * @throws AdapterError `SchemaParse`
 */
export function* readOperations(
  { root, is30 }: OpenApiRoot,
  namespace: string,
  wanted: (name: string) => boolean,
): Generator<DocumentOperation> {
  const references = new References(root, namespace);
  const all = [...requests(root, references)];
  const names = operationNames(all);
  const chosen = all.flatMap((request, i) => {
    const name = names[i] ?? '';
    return wanted(name) ? [{ request, name }] : [];
  });
  if (chosen.length > maxOperations) {
    throw references.fault(
      '#/paths',
      `expected at most ${maxOperations} operations, found ${chosen.length}; narrow them with include and exclude`,
    );
  }
  const schemas = new Schemas(references, is30, chosen.length);
  for (const { request, name } of chosen) {
    if (!isImportedName(`${namespace}/${name}`)) {
      throw references.fault(
        `${request.at.place}/operationId`,
        `"${name}" makes no name: expected 1 to 7 segments of at most 128 characters`,
      );
    }
    yield readOperation(request, name, references, schemas);
  }
}

function* requests(root: JsonObject, references: References): Generator<Found> {
  const paths = references
    .members(root['paths'], '#/paths')
    .filter(([path]) => path.startsWith('/'))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [path, { value, place }] of paths) {
    if (value === null) continue;
    const item = pathItem(value, place, references);
    for (const method of methods) {
      const at: Located = { value: item.value[method], place: `${item.place}/${method}` };
      if (at.value === undefined || at.value === null) continue;
      const operation = references.object(at.value, at.place, 'an operation');
      if (operation.value['x-alknet'] === false) continue;
      const { operationId } = operation.value;
      if (operationId !== undefined && typeof operationId !== 'string')
        throw references.fault(`${at.place}/operationId`, `expected text, found ${found(operationId)}`);
      yield {
        method,
        path,
        operationId: operationId === '' ? undefined : operationId,
        at: operation,
        shared: { value: item.value['parameters'], place: `${item.place}/parameters` },
      };
    }
  }
}

/** Members beside the reference of a path item go before those that it leads to. */
function pathItem(value: unknown, place: string, references: References): Located<JsonObject> {
  const target = references.object(value, place, 'a path item');
  if (target.place === place || !isObject(value)) return target;
  const { $ref: _, ...beside } = value;
  return { value: { ...target.value, ...beside }, place: target.place };
}

function readOperation(
  { method, path, at, shared }: Found,
  name: string,
  references: References,
  schemas: Schemas,
): DocumentOperation {
  const { value, place } = at;
  const alknet = isObject(value['x-alknet']) ? value['x-alknet'] : {};
  const body = readBody(value['requestBody'], `${place}/requestBody`, references);
  const own: Located = { value: value['parameters'], place: `${place}/parameters` };
  const parameters = withTemplate(readParameters([shared, own], body !== undefined, references), path, place);
  const responses = readResponses(value['responses'], `${place}/responses`, references);
  // A node's own document: its operations come back with the input that they have there.
  const isAlknet = typeof alknet['name'] === 'string';
  const whole = isAlknet && body?.plan.kind === 'json' && parameters.length === 0;
  const type = typeOf(method, responses.streaming, alknet);
  return {
    name,
    type,
    input: schemas.make('request', (copy) => {
      if (whole && body !== undefined) return body.schema(copy);
      const input = inputOf(parameters, body, copy);
      const rest = member(alknet, 'input');
      if (!isAlknet || !isObject(rest)) return input;
      return {
        ...copy({ value: rest, place: `${place}/x-alknet/input` }),
        properties: input['properties'],
      };
    }),
    output: schemas.make('response', responses.output),
    errors: declaredErrors(responses.errors, schemas),
    ...notes(value),
    ...hints(alknet, type),
    request: {
      method: method.toUpperCase(),
      path,
      parameters: parameters.map(
        ({ property, name: wire, in: where, style, explode, allowReserved, json }) => ({
          property,
          name: wire,
          in: where,
          style,
          explode,
          allowReserved,
          json,
        }),
      ),
      body: body && { ...body.plan, whole },
      streaming: responses.streaming,
    },
  };
}

function typeOf(method: string, streaming: boolean, alknet: JsonObject): OperationType {
  if (streaming) return 'subscription';
  if (alknet['type'] === 'query' || alknet['type'] === 'mutation') return alknet['type'];
  return method === 'get' ? 'query' : 'mutation';
}

/** A template's parameter that the document forgot to declare is text; one that no template has is not sent. */
function withTemplate(parameters: readonly Parameter[], path: string, place: string): Parameter[] {
  const names = new Set([...path.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name));
  const declared = parameters.filter(({ in: where, name }) => where !== 'path' || names.has(name));
  const known = new Set(declared.filter(({ in: where }) => where === 'path').map(({ name }) => name));
  const taken = new Set([...declared.map(({ property }) => property), 'body']);
  const missing = [...names].filter((name) => !known.has(name));
  return [
    ...declared,
    ...missing.map(
      (name): Parameter => ({
        property: taken.has(name) ? `path_${name}` : name,
        name,
        in: 'path',
        style: 'simple',
        explode: false,
        allowReserved: false,
        json: false,
        required: true,
        description: undefined,
        schema: { value: { type: 'string' }, place },
      }),
    ),
  ];
}

function inputOf(
  parameters: readonly Parameter[],
  body: Body | undefined,
  copy: (at: Located) => JsonObject,
): JsonObject {
  const properties = parameters.map(({ property, schema, description }): [string, JsonObject] => [
    property,
    describedSchema(copy(schema), description),
  ]);
  const required = parameters.filter((parameter) => parameter.required).map(({ property }) => property);
  if (body !== undefined) {
    properties.push(['body', describedSchema(body.schema(copy), body.description)]);
    if (body.required) required.push('body');
  }
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

function notes({ summary, description }: JsonObject): { title?: string; description?: string } {
  const title = typeof summary === 'string' ? summary.trim() : '';
  const long = typeof description === 'string' && description.trim() !== '' ? description : title;
  return {
    ...(title === '' ? {} : { title: cut(title, maxTitle) }),
    ...(long === '' ? {} : { description: cut(long, maxDescription) }),
  };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function hints(alknet: JsonObject, type: OperationType) {
  const { destructive, idempotent, openWorld } = alknet;
  return {
    ...(typeof destructive === 'boolean' && !(destructive && type === 'query') ? { destructive } : {}),
    ...(typeof idempotent === 'boolean' ? { idempotent } : {}),
    ...(typeof openWorld === 'boolean' ? { openWorld } : {}),
  };
}
