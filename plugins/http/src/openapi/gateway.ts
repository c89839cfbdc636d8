/**
 * The document of the gateway: the same bytes for every caller and every registry. Major for a breaking change of
 * endpoint, member or error semantics; minor for an addition; patch for wording. `docs/spec/http.md` 16.2.
 *
 * @module
 */

import type { JsonObject } from '../adapters/json.ts';
import { callError } from './errors.ts';

const version = '1.0.0';

const text = { type: 'string' };
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: JsonObject) => ({ content: { 'application/json': { schema } } });
const ok = (description: string, schema: JsonObject) => ({ description, ...json(schema) });

const reasons: readonly (readonly [string, string])[] = [
  ['400', 'Not JSON, or the wrong type of operation.'],
  ['401', 'No valid token was sent, and the operation needs a caller.'],
  ['403', 'The caller lacks a right.'],
  ['404', 'There is no such operation.'],
  ['413', 'The body is too large.'],
  ['415', 'The body is not JSON.'],
  ['422', 'The input does not fit.'],
  ['500', 'The operation failed.'],
  ['503', 'The node gave the operation up.'],
  ['504', 'The operation took too long.'],
];

function errors(...statuses: readonly string[]): JsonObject {
  const chosen = reasons.filter(([status]) => statuses.length === 0 || statuses.includes(status));
  return {
    ...Object.fromEntries(chosen.map(([status, description]) => [status, ok(description, ref('CallError'))])),
    default: ok('Any other failure; the code tells which.', ref('CallError')),
  };
}

function get(
  operationId: string,
  summary: string,
  parameters: readonly JsonObject[],
  output: string,
  statuses: string[],
) {
  return {
    get: {
      operationId,
      summary,
      tags: ['gateway'],
      security,
      parameters,
      responses: { 200: ok('Found.', ref(output)), ...errors(...statuses) },
    },
  };
}

function post(
  operationId: string,
  summary: string,
  body: JsonObject,
  success: JsonObject,
  statuses: string[] = [],
) {
  return {
    post: {
      operationId,
      summary,
      tags: ['gateway'],
      security,
      requestBody: { required: true, ...json(body) },
      responses: { 200: success, ...errors(...statuses) },
    },
  };
}

const security = [{}, { bearer: [] }];

const parameter = (name: string, description: string, schema: JsonObject, required = false) => ({
  name,
  in: 'query',
  required,
  description,
  schema,
});

const entry = {
  type: 'object',
  properties: {
    name: text,
    namespace: text,
    op_type: { type: 'string', enum: ['query', 'mutation', 'subscription'] },
    description: text,
  },
  required: ['name', 'namespace', 'op_type', 'description'],
};

function envelope(output: JsonObject): JsonObject {
  return {
    type: 'object',
    properties: { request_id: text, result: { type: 'string', enum: ['ok'] }, output },
    required: ['request_id', 'result', 'output'],
  };
}

const anything = { description: 'Any JSON.' };

const schemas: JsonObject = {
  CallRequest: {
    type: 'object',
    properties: {
      operation: { type: 'string', description: 'Name of the operation, such as git/list.' },
      input: { description: 'Its input; {} when absent.' },
    },
    required: ['operation'],
  },
  CallOk: envelope(anything),
  CallError: callError,
  SearchResult: envelope({
    type: 'object',
    properties: { operations: { type: 'array', items: entry }, next_cursor: text },
    required: ['operations'],
  }),
  SchemaResult: envelope({
    type: 'object',
    description: 'The operation in full, as services/schema tells it.',
    properties: { ...entry.properties, visibility: text, input_schema: anything, output_schema: anything },
    required: ['name', 'namespace', 'op_type', 'visibility', 'input_schema', 'output_schema'],
    additionalProperties: true,
  }),
  BatchResult: {
    type: 'object',
    properties: {
      results: {
        type: 'array',
        items: {
          oneOf: [
            ref('CallOk'),
            {
              type: 'object',
              properties: {
                request_id: { type: 'string', nullable: true },
                result: { type: 'string', enum: ['error'] },
                error: ref('CallError'),
              },
              required: ['request_id', 'result', 'error'],
            },
          ],
        },
      },
    },
    required: ['results'],
  },
};

const stream = {
  description: 'One event for each value; an event of type error ends the stream.',
  content: { 'text/event-stream': { schema: anything } },
};

export const gatewayDocument: JsonObject = {
  openapi: '3.0.0',
  info: {
    title: 'alknet gateway',
    version,
    description: 'Every operation of a node by its name: find it, read its schemas, call it.',
  },
  servers: [{ url: '/' }],
  tags: [{ name: 'gateway', description: 'Operations by name.' }],
  paths: {
    '/search': get(
      'gatewaySearch',
      'Operations that the caller may call now',
      [
        parameter('q', 'Words, each part of name or description.', { type: 'string', maxLength: 256 }),
        parameter('limit', 'Most entries of the answer.', {
          type: 'integer',
          minimum: 1,
          maximum: 1000,
          default: 100,
        }),
        parameter('cursor', 'next_cursor of an earlier answer.', text),
      ],
      'SearchResult',
      ['422', '500'],
    ),
    '/schema': get(
      'gatewaySchema',
      'One operation in full',
      [parameter('name', 'Name of the operation.', text, true)],
      'SchemaResult',
      ['404', '422', '500'],
    ),
    '/call': post(
      'gatewayCall',
      'Run a query or mutation',
      ref('CallRequest'),
      ok('Its output.', ref('CallOk')),
    ),
    '/batch': post(
      'gatewayBatch',
      'Run many queries and mutations, one after the other',
      { type: 'array', items: ref('CallRequest') },
      ok('What each of them gave, in their order.', ref('BatchResult')),
      ['400', '413', '415', '422', '500'],
    ),
    '/subscribe': post('gatewaySubscribe', 'Run a subscription', ref('CallRequest'), stream),
  },
  components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } }, schemas },
};
