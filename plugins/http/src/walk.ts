/**
 * The life of a request, in the order of `docs/spec/http.md` 3: the first step that answers ends it.
 *
 * @module
 */

import { CallError, type Connection } from '@alknet/sdk';
import { asCallError, bodyFaultAnswer, errorAnswer, methodNotAllowed } from './answers.ts';
import { type Caller, callerOf } from './credential.ts';
import type { Handler, UpgradeHandler } from './request-context.ts';
import { RequestScope } from './scope.ts';
import { BodyFault } from './server/body.ts';
import type { Answer, Application, Exchange, HeaderFields, HttpRequest, Sent } from './server/message.ts';
import { type ParsedTarget, parseTarget } from './server/path.ts';
import { fromWebResponse, toWebRequest } from './server/web.ts';
import type { Site } from './site.ts';
import type { SurfaceRoute } from './surface.ts';

/** Bytes; `docs/spec/http.md` 23. */
const maxTarget = 8 * 1024;

/** The requests of one connection. */
export class ConnectionWalk implements Application {
  readonly #site: Site;
  readonly #connection: Connection;

  constructor(site: Site, connection: Connection) {
    this.#site = site;
    this.#connection = connection;
  }

  async serve(exchange: Exchange): Promise<Answer | undefined> {
    try {
      return await this.#walk(exchange);
    } catch (error) {
      if (error instanceof BodyFault) return bodyFaultAnswer(error);
      const failure = asCallError(error);
      if (!(error instanceof CallError))
        this.#site.log.error('request failed', { method: exchange.request.method, error });
      return errorAnswer(failure);
    }
  }

  sent(_exchange: Exchange, _sent: Sent): void {}

  async #walk(exchange: Exchange): Promise<Answer | undefined> {
    const { request } = exchange;
    const { config } = this.#site;
    const refused = headTooLarge(request, config.limits.header);
    if (refused !== undefined) return refused;

    const target = parseTarget(request.target);
    if (target.path === '/healthz' && (request.method === 'GET' || request.method === 'HEAD'))
      return health();

    const caller = callerOf(request, { identity: this.#site.host.identity, remote: this.#connection.remote });
    const scope = new RequestScope(this.#site.host, this.#connection, config, request, caller);
    if (config.stealth === 'strict' && caller.identity === null)
      return this.#site.decoy(request, target, config);

    const route = this.#site.reserved(target.path);
    if (route !== undefined) {
      if (!route.isOn(config)) return this.#site.decoy(request, target, config);
      return this.#reserved(route, exchange, scope);
    }
    return this.#site.decoy(request, target, config);
  }

  async #reserved(route: SurfaceRoute, exchange: Exchange, scope: RequestScope): Promise<Answer | undefined> {
    const { request } = exchange;
    const { method } = request;
    if (exchange.upgrade !== undefined && route.upgrade !== undefined) {
      if (scope.identity === null) return unauthenticated();
      return this.#upgrade(route.upgrade, exchange, scope);
    }
    if (!route.methods.includes(method === 'HEAD' ? 'GET' : method)) return methodNotAllowed(route.methods);
    if (route.identityRequired === true && scope.identity === null) return unauthenticated();
    const answer = await (route.answer?.(request, scope) ?? this.#handled(route.handler, request, scope));
    answer.headers['X-Content-Type-Options'] ??= 'nosniff';
    if (route.noStore !== false && !hasField(answer.headers, 'cache-control'))
      answer.headers['Cache-Control'] = 'no-store';
    return answer;
  }

  async #handled(handler: Handler | undefined, request: HttpRequest, scope: RequestScope): Promise<Answer> {
    if (handler === undefined) throw new CallError('INTERNAL', 'nothing serves this path');
    const { limits } = scope.config;
    const web = toWebRequest(request, { size: limits.body, time: limits.bodyTimeout });
    return fromWebResponse(await handler(web, scope));
  }

  async #upgrade(
    handler: UpgradeHandler,
    { request, upgrade }: Exchange,
    scope: RequestScope,
  ): Promise<Answer | undefined> {
    const web = toWebRequest(request, { size: 0, time: 0 });
    const response = await handler(web, scope, async (headers) => {
      if (upgrade === undefined) throw new Error('the request asks for no upgrade');
      return upgrade.accept(Object.fromEntries(headers));
    });
    return response && fromWebResponse(response);
  }
}

function headTooLarge(request: HttpRequest, limit: number): Answer | undefined {
  if (request.target.length > maxTarget) return { status: 414, headers: {}, close: true };
  let size = request.target.length + request.authority.length;
  for (const text of request.rawHeaders) size += text.length + 2;
  return size > limit ? { status: 431, headers: {}, close: true } : undefined;
}

/** It tells that the process serves HTTP, and nothing else. `docs/spec/http.md` 14. */
function health(): Answer {
  return { status: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: 'ok' };
}

function unauthenticated(): Answer {
  return errorAnswer(new CallError('FORBIDDEN', 'this path needs a bearer token'), { anonymous: true });
}

function hasField(headers: HeaderFields, name: string): boolean {
  return Object.keys(headers).some((key) => key.toLowerCase() === name);
}

export type { Caller, ParsedTarget };
