/**
 * Direct mapping: each External operation at the path that is its name. `docs/spec/http.md` 8.
 *
 * @module
 */

import { CallError, type OperationSpec } from '@alknet/sdk';
import { jsonAnswer, methodNotAllowed } from '../answers.ts';
import { begin, call } from '../gateway/dispatch.ts';
import { readJson } from '../gateway/json-body.ts';
import { eventStream } from '../gateway/sse.ts';
import { failed } from '../gateway/surface.ts';
import type { RequestContext } from '../request-context.ts';
import type { Answer, HttpRequest } from '../server/message.ts';
import type { ParsedTarget } from '../server/path.ts';
import type { StreamGauge } from '../surface.ts';
import { queryInput } from './query-input.ts';

const maxSegments = 8;

/** The name that the path stands for, if it can be one. */
export function directName({ segments }: ParsedTarget): string | undefined {
  return segments !== undefined && segments.length >= 2 && segments.length <= maxSegments
    ? segments.join('/')
    : undefined;
}

export interface DirectRequest {
  readonly request: HttpRequest;
  readonly scope: RequestContext;
  readonly name: string;
  /** Of the URL, without `?`. */
  readonly query: string;
  readonly gauge: StreamGauge;
  /** What an anonymous caller gets who asked for what does not exist. */
  readonly decoy: () => Promise<Answer>;
}

export async function directAnswer({
  request,
  scope,
  name,
  query,
  gauge,
  decoy,
}: DirectRequest): Promise<Answer> {
  const operation = scope.gateway.schema(name);
  try {
    if (operation === undefined) {
      // Unknown, Internal, or not this caller's: the registry says which, in its own words.
      return answerOf(scope, await call(scope, name, undefined));
    }
    const refused = methodRefused(request, operation);
    if (refused !== undefined) return refused;
    const isGet = request.method !== 'POST';
    if (operation.type !== 'subscription') {
      const input = isGet ? queryInput(operation.input, query) : await readJson(request, scope.config);
      return answerOf(scope, await call(scope, name, input));
    }
    if (!acceptsEvents(request))
      throw new CallError(
        'INVALID_OPERATION_TYPE',
        `${name} is a subscription: ask for it with the header Accept: text/event-stream`,
      );
    const input = isGet ? queryInput(operation.input, query) : await readJson(request, scope.config);
    const { requestId, arrivedAt: receivedAt } = scope;
    const answer = begin(scope, { name, input, requestId, subscribe: true, receivedAt });
    if (answer.kind === 'stream') return await eventStream(scope, answer.values, requestId, gauge);
    throw new CallError('INVALID_OPERATION_TYPE', `${name} is not a subscription`);
  } catch (error) {
    if (scope.identity === null && operation === undefined && isNotFound(error)) return decoy();
    return failed(scope, name, error);
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof CallError && error.code === 'NOT_FOUND';
}

function answerOf(scope: RequestContext, output: unknown): Answer {
  const answer = jsonAnswer(JSON.stringify(output ?? null));
  answer.headers['X-Request-Id'] = scope.requestId;
  return answer;
}

const writing = ['POST'];
const reading = ['GET', 'POST'];

function methodRefused({ method }: HttpRequest, { type }: OperationSpec): Answer | undefined {
  const allowed = type === 'mutation' ? writing : reading;
  return allowed.includes(method === 'HEAD' ? 'GET' : method) ? undefined : methodNotAllowed(allowed);
}

function acceptsEvents(request: HttpRequest): boolean {
  return (request.header('accept') ?? '')
    .split(',')
    .some((range) => range.split(';', 1)[0]?.trim().toLowerCase() === 'text/event-stream');
}
