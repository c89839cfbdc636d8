/**
 * The error responses of an operation: the protocol's own, and the declared ones. `docs/spec/http.md` 9 and 16.1. Pure.
 *
 * @module
 */

import type { DeclaredError, OperationSpec } from '@alknet/sdk';
import type { JsonObject } from '../adapters/json.ts';
import { documentSchema, placeOf, type SchemaPlace } from './schema.ts';

/** Where the responses of an operation stand. */
export interface ResponsesPlace extends Omit<SchemaPlace, 'place'> {
  readonly segments: readonly string[];
}

interface ProtocolError {
  readonly status: string;
  readonly code: string;
  /** In `components.responses`. */
  readonly name: string;
  readonly description: string;
}

const unauthorized: ProtocolError = {
  status: '401',
  code: 'FORBIDDEN',
  name: 'Unauthorized',
  description: 'No valid token was sent.',
};
const forbidden: ProtocolError = {
  status: '403',
  code: 'FORBIDDEN',
  name: 'Forbidden',
  description: 'The caller lacks a right.',
};
const always: readonly ProtocolError[] = [
  { status: '404', code: 'NOT_FOUND', name: 'NotFound', description: 'There is no such operation.' },
  {
    status: '422',
    code: 'INVALID_INPUT',
    name: 'InvalidInput',
    description: 'The input does not fit its schema.',
  },
  { status: '500', code: 'INTERNAL', name: 'Internal', description: 'The operation failed.' },
  { status: '504', code: 'TIMEOUT', name: 'Timeout', description: 'The operation took too long.' },
];

/** What `$ref` of an error response leads to. */
export const errorResponses: JsonObject = Object.fromEntries(
  [unauthorized, forbidden, ...always].map(({ name, code, description }) => [
    name,
    response(description, variant(code, undefined)),
  ]),
);

function response(description: string, schema: unknown): JsonObject {
  return { description, content: { 'application/json': { schema } } };
}

/** A CallError of one code. */
function variant(code: string, details: unknown): JsonObject {
  return {
    title: code,
    type: 'object',
    properties: {
      code: { type: 'string', enum: [code] },
      message: { type: 'string' },
      retryable: { type: 'boolean' },
      details: details ?? {},
    },
    required: ['code', 'message', 'retryable'],
  };
}

export const callError: JsonObject = {
  type: 'object',
  description: 'A failed call. Programs switch on `code`; the set of codes is open.',
  properties: {
    code: { type: 'string' },
    message: { type: 'string' },
    retryable: { type: 'boolean' },
    details: {},
  },
  required: ['code', 'message', 'retryable'],
};

/** `docs/spec/http.md` 9: a declared status, or the number in `HTTP_<n>`. */
function statusOf({ code, httpStatus }: DeclaredError): string | undefined {
  return httpStatus === undefined ? /^HTTP_([45]\d\d)$/.exec(code)?.[1] : String(httpStatus);
}

/** Response objects by status, sorted. */
export function errorsOf(operation: OperationSpec, at: ResponsesPlace): JsonObject {
  const protocol = operation.access === 'public' ? always : [unauthorized, forbidden, ...always];
  const declared = byStatus(operation.errors ?? []);
  const statuses = new Set([...protocol.map(({ status }) => status), ...declared.keys()]);
  const entries = [...statuses]
    .filter((status) => status !== undefined)
    .sort()
    .map((status): [string, JsonObject] => {
      const own = protocol.find((each) => each.status === status);
      const others = declared.get(status) ?? [];
      const untold = status === '500' ? (declared.get(undefined) ?? []) : [];
      if (own !== undefined && others.length === 0 && untold.length === 0)
        return [status, { $ref: `#/components/responses/${own.name}` }];
      return [
        status,
        described(own, others, untold, {
          ...at,
          segments: [...at.segments, status],
        }),
      ];
    });
  return Object.fromEntries(entries);
}

function described(
  own: ProtocolError | undefined,
  declared: readonly DeclaredError[],
  untold: readonly DeclaredError[],
  place: ResponsesPlace,
): JsonObject {
  const texts = [
    ...(own === undefined ? [] : [`${own.code}: ${own.description}`]),
    ...[...declared, ...untold].map(({ code, description }) =>
      description === undefined ? code : `${code}: ${description}`,
    ),
  ];
  const count = (own === undefined ? 0 : 1) + new Set(declared.map(({ code }) => code)).size;
  const at = [...place.segments, 'content', 'application/json', 'schema', ...(count > 1 ? ['oneOf'] : [])];
  const byCode = new Map<string, JsonObject>();
  if (own !== undefined) byCode.set(own.code, variant(own.code, undefined));
  for (const { code, schema } of declared) {
    if (byCode.has(code)) continue;
    const number = count > 1 ? [String(byCode.size)] : [];
    const details =
      schema &&
      documentSchema(schema, {
        place: placeOf(...at, ...number, 'properties', 'details'),
        name: `${place.name}.${code}`,
        components: place.components,
      });
    byCode.set(code, variant(code, details));
  }
  const variants = [...byCode.values()];
  return response(texts.join('\n'), variants.length === 1 ? variants[0] : { oneOf: variants });
}

function byStatus(
  errors: readonly DeclaredError[],
): ReadonlyMap<string | undefined, readonly DeclaredError[]> {
  const grouped = new Map<string | undefined, DeclaredError[]>();
  for (const error of errors) {
    const status = statusOf(error);
    grouped.set(status, [...(grouped.get(status) ?? []), error]);
  }
  return grouped;
}
