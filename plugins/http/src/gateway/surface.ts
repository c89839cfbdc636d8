/**
 * The gateway: any operation by its name in the body. `docs/spec/http.md` 7.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { CallError } from '@alknet/sdk';
import { asCallError, errorBody, failureAnswer, jsonAnswer } from '../answers.ts';
import type { RequestContext } from '../request-context.ts';
import type { Answer, HttpRequest } from '../server/message.ts';
import type { AnswerHandler, MakeSurface, StreamGauge, SurfaceRoute } from '../surface.ts';
import { begin, call, operationName } from './dispatch.ts';
import { readJson } from './json-body.ts';
import { eventStream } from './sse.ts';

export const gatewaySurface: MakeSurface = ({ streams }) => {
  const route = (method: string, path: string, answer: AnswerHandler): SurfaceRoute => ({
    path,
    methods: [method],
    surface: 'gateway',
    isOn: ({ gateway }) => gateway,
    answer,
  });
  return {
    routes: [
      route('GET', '/search', search),
      route('GET', '/schema', schema),
      route('POST', '/call', callOne),
      route('POST', '/batch', batch),
      route('POST', '/subscribe', (request, scope) => subscribe(request, scope, streams('sse'))),
    ],
  };
};

interface Named {
  readonly operation: string;
  readonly input: unknown;
}

/** @throws CallError */
function named(value: unknown): Named {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CallError('INVALID_INPUT', 'expected an object { "operation": name, "input"?: any }');
  const operation = 'operation' in value ? value.operation : undefined;
  if (typeof operation !== 'string')
    throw new CallError('INVALID_INPUT', 'operation: expected the name of an operation as text');
  return { operation, input: 'input' in value ? value.input : undefined };
}

async function callOne(request: HttpRequest, scope: RequestContext): Promise<Answer> {
  const { operation, input } = named(await readJson(request, scope.config));
  try {
    return okAnswer(scope, await call(scope, operation, input));
  } catch (error) {
    return failed(scope, operation, error);
  }
}

function okText(requestId: string, output: unknown): string {
  return `{"request_id":"${requestId}","result":"ok","output":${JSON.stringify(output ?? null)}}`;
}

function okAnswer({ requestId }: RequestContext, output: unknown): Answer {
  const answer = jsonAnswer(okText(requestId, output));
  answer.headers['X-Request-Id'] = requestId;
  return answer;
}

/** The answer to an operation that was refused or has failed. */
export function failed(scope: RequestContext, operation: string, error: unknown): Answer {
  return failureAnswer(error, {
    anonymous: scope.identity === null,
    declared: scope.gateway.schema(operationName(operation))?.errors,
    headers: { 'X-Request-Id': scope.requestId },
  });
}

async function subscribe(request: HttpRequest, scope: RequestContext, gauge: StreamGauge): Promise<Answer> {
  const { operation, input } = named(await readJson(request, scope.config));
  const { requestId, arrivedAt } = scope;
  try {
    const answer = begin(scope, {
      name: operation,
      input,
      requestId,
      subscribe: true,
      receivedAt: arrivedAt,
    });
    if (answer.kind === 'stream') return await eventStream(scope, answer.values, requestId, gauge);
    throw new CallError('INVALID_OPERATION_TYPE', `${operationName(operation)} is not a subscription`);
  } catch (error) {
    return failed(scope, operation, error);
  }
}

async function batch(request: HttpRequest, scope: RequestContext): Promise<Answer> {
  const calls = await readJson(request, scope.config);
  const most = scope.config.limits.batch;
  if (!Array.isArray(calls)) throw new CallError('INVALID_INPUT', 'expected an array of calls');
  if (calls.length > most)
    throw new CallError(
      'INVALID_INPUT',
      `expected at most ${most} calls (http.limits.batch), found ${calls.length}`,
    );
  let gone = false;
  scope.onAbort(() => {
    gone = true;
  });
  const results: string[] = [];
  for (const one of calls) {
    // Nobody reads the rest.
    if (gone) break;
    results.push(await item(scope, one));
  }
  return jsonAnswer(`{"results":[${results.join(',')}]}`);
}

async function item(scope: RequestContext, value: unknown): Promise<string> {
  let requestId: string | null = null;
  try {
    const { operation, input } = named(value);
    requestId = randomUUID();
    return okText(
      requestId,
      await call(scope, operation, input, { requestId, arrivedAt: performance.now() }),
    );
  } catch (error) {
    const failure = asCallError(error);
    // What is not found has not begun, and has no id by which a log could be searched.
    const id = failure.code === 'NOT_FOUND' ? null : requestId;
    return `{"request_id":${JSON.stringify(id)},"result":"error","error":${JSON.stringify(errorBody(failure))}}`;
  }
}

const maxQuery = 256;
const maxPage = 1000;
const defaultPage = 100;

async function search(request: HttpRequest, scope: RequestContext): Promise<Answer> {
  const parameters = queryOf(request);
  const query = single(parameters, 'q') ?? '';
  if (query.length > maxQuery) throw new CallError('INVALID_INPUT', `q: at most ${maxQuery} characters`);
  const limit = Number(single(parameters, 'limit') ?? defaultPage);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPage)
    throw new CallError('INVALID_INPUT', `limit: expected 1 to ${maxPage}`);
  const cursor = single(parameters, 'cursor');
  const found = await call(scope, 'services/list', {
    query,
    limit,
    ...(cursor === undefined ? {} : { cursor }),
  });
  if (!isListing(found)) throw new CallError('INTERNAL', 'internal error');
  return okAnswer(scope, {
    operations: found.operations,
    ...(found.next_cursor === undefined ? {} : { next_cursor: found.next_cursor }),
  });
}

function isListing(
  value: unknown,
): value is { readonly operations: readonly unknown[]; readonly next_cursor?: string } {
  return typeof value === 'object' && value !== null && 'operations' in value;
}

async function schema(request: HttpRequest, scope: RequestContext): Promise<Answer> {
  const name = single(queryOf(request), 'name');
  if (name === undefined || name === '')
    throw new CallError('INVALID_INPUT', 'name: expected the name of an operation');
  return okAnswer(scope, await call(scope, 'services/schema', { name }));
}

function queryOf({ target }: HttpRequest): URLSearchParams {
  const mark = target.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
}

function single(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw new CallError('INVALID_INPUT', `${name}: given ${values.length} times`);
  return values[0];
}
