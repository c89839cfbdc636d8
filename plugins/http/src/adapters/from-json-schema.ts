/**
 * `fromJSONSchema`: one endpoint as one operation. `docs/spec/http.md` 19.
 *
 * @example
 * fromJSONSchema({ namespace: 'weather', baseUrl: 'https://api.example', method: 'GET', path: '/v1/{city}',
 *   operation: { name: 'today', type: 'query', input, output } });
 *
 * @module
 */

import {
  AdapterError,
  type AdapterRegistration,
  checkOperation,
  checkSchema,
  type DeclaredError,
  OperationFault,
  type OperationType,
  SchemaFault,
  type TSchema,
} from '@alknet/sdk';
import { type Adapter, type CommonOptions, checkCommon, exposure, remoteOf, secretsOf } from './adapter.ts';
import { words } from './document/keywords.ts';
import { forwardingHandler } from './forward.ts';
import { found, isObject, type JsonObject } from './json.ts';
import type { ParameterPlan, RequestPlan } from './plan.ts';
import { parseBaseUrl } from './request/base-url.ts';

export interface FromJsonSchemaOptions extends CommonOptions {
  readonly baseUrl: string;
  /** A specification with schemas: `{ name, type, description?, input, output, errors? }`. */
  readonly operation: JsonObject;
  readonly method: string;
  /** Template with `{member}`. */
  readonly path: string;
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);

const operationTypes: readonly OperationType[] = ['query', 'mutation', 'subscription'];

/** @throws AdapterError `AdapterConfig` */
export function fromJSONSchema(options: FromJsonSchemaOptions): Adapter {
  checkCommon(options);
  const registration = registrationOf(options);
  return { kind: 'jsonschema', import: async () => [registration] };
}

function registrationOf(options: FromJsonSchemaOptions): AdapterRegistration {
  const { namespace, operation, path } = options;
  const fault = (what: string) => new AdapterError('AdapterConfig', `${namespace}: ${what}`);
  const method = options.method.toUpperCase();
  if (!methods.has(method))
    throw fault(`method: expected one of ${[...methods].join(', ')}, found ${found(options.method)}`);
  if (!path.startsWith('/')) throw fault(`path: expected text that begins with /, found ${found(path)}`);
  const base = parseBaseUrl(options.baseUrl, namespace);
  const { name } = operation;
  const type = operationTypes.find((each) => each === operation['type']);
  if (typeof name !== 'string') throw fault(`operation.name: expected text, found ${found(name)}`);
  if (type === undefined)
    throw fault(
      `operation.type: expected query, mutation or subscription, found ${found(operation['type'])}`,
    );
  const plan = planOf(operation['input'], method, path, type, fault);
  const errors = (Array.isArray(operation['errors']) ? operation['errors'] : []) as readonly DeclaredError[];
  const spec = {
    ...operation,
    ...exposure(options),
    name: `${namespace}/${name}`,
    type,
    input: operation['input'] as TSchema,
    output: (operation['output'] ?? {}) as TSchema,
    errors,
  };
  const declared = new Map(
    errors.flatMap(({ httpStatus, code }) => (httpStatus === undefined ? [] : [[httpStatus, code]])),
  );
  const handler = forwardingHandler(remoteOf(options, base), type, plan, declared);
  try {
    checkOperation({ ...spec, handler }, 'imported');
    checkSchema(spec.input);
    checkSchema(spec.output);
  } catch (error) {
    if (error instanceof OperationFault || error instanceof SchemaFault)
      throw fault(`operation: ${error.message}`);
    throw error;
  }
  return {
    operation: spec,
    handler,
    source: `${base.origin}${base.path}${path}`,
    capabilities: secretsOf(options),
  };
}

/** Members of the path are substituted, `body` is the JSON body, every other member is a query parameter. */
function planOf(
  input: unknown,
  method: string,
  path: string,
  type: OperationType,
  fault: (what: string) => AdapterError,
): RequestPlan {
  if (!isObject(input)) throw fault(`operation.input: expected a schema, found ${found(input)}`);
  const properties = isObject(input['properties']) ? input['properties'] : {};
  const required = words(input['required']);
  const inPath = new Set([...path.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name));
  for (const name of inPath) {
    if (Object.hasOwn(properties, name) && required.includes(name)) continue;
    throw fault(
      `path: {${name}} is no required member of operation.input; add it to its properties and required`,
    );
  }
  const parameters = Object.keys(properties)
    .filter((name) => name !== 'body' || inPath.has(name))
    .map((name): ParameterPlan => {
      const where = inPath.has(name) ? 'path' : 'query';
      const style = where === 'path' ? 'simple' : 'form';
      return {
        property: name,
        name,
        in: where,
        style,
        explode: where === 'query',
        allowReserved: false,
        json: false,
      };
    });
  const hasBody = Object.hasOwn(properties, 'body') && !inPath.has('body');
  return {
    method,
    path,
    parameters,
    body: hasBody
      ? { kind: 'json', mediaType: 'application/json', parts: new Map(), whole: false }
      : undefined,
    streaming: type === 'subscription',
  };
}
