/**
 * The document of the direct mapping: each operation that a caller may call, at its own path. `docs/spec/http.md` 16.1.
 * Pure.
 *
 * @module
 */

import type { OperationSpec } from '@alknet/sdk';
import { isObject, type JsonObject } from '../adapters/json.ts';
import { callError, errorResponses, errorsOf } from './errors.ts';
import { documentSchema, placeOf, queryMembers, type SchemaPlace } from './schema.ts';

export interface DirectDocumentOptions {
  /** Registry revision. */
  readonly version: string;
  /** URL of the node, as the caller knows it. */
  readonly server: string;
  /** Paths that belong to the server, where no operation is reached. */
  readonly isReserved?: (path: string) => boolean;
}

type Components = SchemaPlace['components'];

export function directDocument(
  operations: readonly OperationSpec[],
  { version, server, isReserved = () => false }: DirectDocumentOptions,
): JsonObject {
  const reachable = operations
    .map((operation) => ({ operation, path: directPath(operation.name) }))
    .filter(({ path }) => !isReserved(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const ids = new Map<string, number>();
  const namespaces = new Set<string>();
  const components: Components = new Map([['CallError', callError]]);
  const paths = reachable.map(({ operation, path }): [string, JsonObject] => {
    const plain = operation.name.replaceAll('/', '.');
    const times = (ids.get(plain) ?? 0) + 1;
    ids.set(plain, times);
    namespaces.add(namespaceOf(operation));
    return [path, pathItem(operation, path, times === 1 ? plain : `${plain}_${times}`, components)];
  });
  return {
    openapi: '3.1.0',
    info: { title: 'alknet', version },
    servers: [{ url: server }],
    tags: [...namespaces].sort().map((name) => ({ name })),
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(components),
      responses: errorResponses,
    },
  };
}

/** `docs/spec/http.md` 8. */
export function directPath(name: string): string {
  return `/${name.split('/').map(encodeURIComponent).join('/')}`;
}

function namespaceOf({ name }: OperationSpec): string {
  return name.split('/')[0] ?? name;
}

function pathItem(
  operation: OperationSpec,
  path: string,
  operationId: string,
  components: Components,
): JsonObject {
  const { name, type, access, title, description } = operation;
  const input: JsonObject = { ...operation.input };
  const members = type === 'mutation' ? undefined : queryMembers(input);
  const method = members === undefined ? 'post' : 'get';
  const place = ['paths', path, method];
  const success = type === 'subscription' ? 'text/event-stream' : 'application/json';
  const output: SchemaPlace = {
    place: placeOf(...place, 'responses', '200', 'content', success, 'schema'),
    name: `${operationId}.output`,
    components,
  };
  const inputs = { name: `${operationId}.input`, components };
  const responses = { segments: [...place, 'responses'], name: operationId, components };
  const { destructive, idempotent, openWorld } = operation;
  return {
    [method]: {
      operationId,
      tags: [namespaceOf(operation)],
      summary: title ?? firstLine(description) ?? name,
      ...(description === undefined || description === '' ? {} : { description }),
      ...(members === undefined ? bodyOf(input, place, inputs) : parametersOf(members, input, place, inputs)),
      responses: {
        200: {
          description: type === 'subscription' ? 'One event for each value.' : 'The output.',
          content: { [success]: { schema: documentSchema(operation.output, output) } },
        },
        ...errorsOf(operation, responses),
      },
      security: access === 'public' ? [{}, { bearer: [] }] : [{ bearer: [] }],
      'x-alknet': {
        name,
        type,
        ...(destructive === undefined ? {} : { destructive }),
        ...(idempotent === undefined ? {} : { idempotent }),
        ...(openWorld === undefined ? {} : { openWorld }),
        // What parameters cannot say of the input as a whole.
        ...(members === undefined ? {} : { input: rest(input) }),
      },
    },
  };
}

function firstLine(description: string | undefined): string | undefined {
  const line = description?.split('\n')[0]?.trim() ?? '';
  return line === '' ? undefined : line.slice(0, 120);
}

function requiredOf(input: JsonObject): readonly unknown[] {
  return Array.isArray(input['required']) ? input['required'] : [];
}

function parametersOf(
  members: readonly [string, JsonObject][],
  input: JsonObject,
  place: readonly string[],
  inputs: Omit<SchemaPlace, 'place'>,
): JsonObject {
  if (members.length === 0) return {};
  const required = requiredOf(input);
  return {
    parameters: members.map(([name, schema], i) => ({
      name,
      in: 'query',
      required: required.includes(name),
      style: 'form',
      explode: true,
      ...(typeof schema['description'] === 'string' ? { description: schema['description'] } : {}),
      schema: documentSchema(schema, {
        ...inputs,
        place: placeOf(...place, 'parameters', String(i), 'schema'),
      }),
    })),
  };
}

function bodyOf(input: JsonObject, place: readonly string[], inputs: Omit<SchemaPlace, 'place'>): JsonObject {
  const at = { ...inputs, place: placeOf(...place, 'requestBody', 'content', 'application/json', 'schema') };
  return {
    requestBody: {
      required: requiredOf(input).length > 0,
      content: { 'application/json': { schema: documentSchema(input, at) } },
    },
  };
}

function rest(input: JsonObject): JsonObject {
  const { properties, $id: _id, $schema: _schema, ...others } = input;
  return isObject(properties) ? others : input;
}
