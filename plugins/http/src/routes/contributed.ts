/**
 * A request to a route of another plugin. `docs/spec/http.md` 12.
 *
 * @module
 */

import { CallError, type HttpRouteContext, type Log } from '@alknet/sdk';
import { errorAnswer } from '../answers.ts';
import type { RequestContext } from '../request-context.ts';
import { BodyFault } from '../server/body.ts';
import type { Answer, HttpRequest } from '../server/message.ts';
import { fromWebResponse, toWebRequest } from '../server/web.ts';
import type { PlacedRoute } from './table.ts';

/** `undefined`: the route declines. @throws BodyFault */
export async function contributedAnswer(
  { route, plugin, pattern }: PlacedRoute,
  request: HttpRequest,
  scope: RequestContext,
  log: Log,
): Promise<Answer | undefined> {
  if (route.auth === 'required' && scope.identity === null)
    return errorAnswer(new CallError('FORBIDDEN', 'this path needs a credential'), { anonymous: true });
  const { limits } = scope.config;
  const size =
    route.body === 'stream'
      ? { size: Number.POSITIVE_INFINITY, time: Number.POSITIVE_INFINITY }
      : { size: route.body ?? limits.body, time: limits.bodyTimeout };
  let fault: unknown;
  try {
    const web = toWebRequest(request, size, (error) => {
      fault = error;
    });
    const response = await route.handler(web, routeContext(scope));
    return response && fromWebResponse(response);
  } catch (error) {
    // Whatever the handler made of it: the request was at fault.
    if (fault instanceof BodyFault) throw fault;
    log.error('route failed', { from: plugin, route: pattern.text, id: scope.requestId, error });
    return errorAnswer(new CallError('INTERNAL', 'internal error'));
  }
}

function routeContext({ identity, remote, requestId, signal }: RequestContext): HttpRouteContext {
  return { identity, remote, requestId, signal };
}
