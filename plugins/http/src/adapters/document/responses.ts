/**
 * What an operation answers: the schema of its output, whether it streams, and its declared errors.
 * `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

import type { DeclaredError } from '@alknet/sdk';
import { type JsonObject, member } from '../json.ts';
import { isTextType, type MediaType, mediaTypes } from './media-types.ts';
import type { Located, References } from './references.ts';
import type { CopyPart, Schemas } from './schemas.ts';

export interface Responses {
  readonly streaming: boolean;
  output(copy: CopyPart): JsonObject;
  readonly errors: readonly ErrorResponse[];
}

interface ErrorResponse {
  readonly status: number;
  readonly description: string;
  readonly schema: Located | undefined;
}

const eventStream = 'text/event-stream';

/** @throws AdapterError `SchemaParse` */
export function readResponses(value: unknown, place: string, references: References): Responses {
  const responses = references.members(value, place);
  const success = successOf(responses);
  const content = success && contentOf(success, references);
  const errors = responses
    .filter(([status]) => /^[45]\d\d$/.test(status))
    .map(([status, at]) => {
      const response = references.object(at.value, at.place, 'a response');
      const { description } = response.value;
      const json = contentOf(response, references).find(({ isJson }) => isJson);
      return {
        status: Number(status),
        description: typeof description === 'string' ? description : '',
        schema: json && schemaOf(json),
      };
    });
  const streaming = content?.some(({ name }) => name === eventStream) === true;
  return { streaming, output: (copy) => outputOf(content ?? [], copy), errors };
}

function successOf(responses: readonly [string, Located][]): Located | undefined {
  const byStatus = new Map(responses.map(([status, at]) => [status.toUpperCase(), at]));
  const other = [...byStatus.keys()].filter((status) => /^2\d\d$/.test(status)).sort()[0];
  for (const status of ['200', '201', other, '2XX', 'DEFAULT']) {
    const found = status === undefined ? undefined : byStatus.get(status);
    if (found !== undefined) return found;
  }
  return undefined;
}

function contentOf(at: Located, references: References): MediaType[] {
  const { value, place } = references.object(at.value, at.place, 'a response');
  return mediaTypes(value['content'], `${place}/content`, references);
}

function schemaOf(media: MediaType): Located | undefined {
  const schema = member(media.value, 'schema');
  return schema === undefined ? undefined : { value: schema, place: `${media.place}/schema` };
}

function outputOf(content: readonly MediaType[], copy: CopyPart): JsonObject {
  const json =
    content.find(({ name }) => name === 'application/json') ?? content.find(({ isJson }) => isJson);
  const described = json ?? content.find(({ name }) => name === eventStream);
  if (described !== undefined) {
    const schema = schemaOf(described);
    return schema === undefined ? {} : copy(schema);
  }
  const [first] = content;
  if (first === undefined) return { type: 'null' };
  // A wildcard may be anything, JSON included.
  if (first.name.includes('*')) return {};
  return isTextType(first.name) ? { type: 'string' } : { type: 'string', contentEncoding: 'base64' };
}

/** `details` of the error holds the body; `docs/spec/http.md` 17.4. */
export function declaredErrors(errors: readonly ErrorResponse[], schemas: Schemas): DeclaredError[] {
  return errors.map(({ status, description, schema }) => ({
    code: `HTTP_${status}`,
    ...(description === '' ? {} : { description: description.slice(0, 2000) }),
    httpStatus: status,
    ...(schema === undefined
      ? {}
      : {
          schema: schemas.make('response', (copy) => ({
            type: 'object',
            properties: { body: copy(schema) },
          })),
        }),
  }));
}
