/**
 * The life of a request, in the order of `docs/spec/http.md` 3: the first step that answers ends it.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import { CallError, type Connection, type Identity, Roster } from '@alknet/sdk';
import { errorAnswer, failureAnswer, methodNotAllowed } from './answers.ts';
import { allowedOrigin, isForeign, isPreflight, preflightFields, shareWith } from './cors.ts';
import { anonymous, basicCallerOf, type Caller, callerOf, hasBasic } from './credential.ts';
import { decoyAnswer } from './decoy/decoy.ts';
import { directAnswer, directName } from './direct/direct.ts';
import type { Handler, UpgradeHandler } from './request-context.ts';
import { contributedAnswer } from './routes/contributed.ts';
import type { PlacedRoute } from './routes/table.ts';
import { RequestScope } from './scope.ts';
import { BodyFault } from './server/body.ts';
import type {
  Answer,
  Application,
  Exchange,
  HeaderFields,
  HttpRequest,
  Sent,
  Upgrade,
} from './server/message.ts';
import { ParsedTarget } from './server/path.ts';
import { fromWebResponse, toWebRequest } from './server/web.ts';
import type { Site } from './site.ts';
import type { SurfaceRoute } from './surface.ts';

/** Bytes; `docs/spec/http.md` 23. */
const maxTarget = 8 * 1024;

/** Steps hand promises on and do not wait for them, since each wait costs as much as a small step. */
type Answering = Answer | undefined | Promise<Answer | undefined>;

/** The requests of one connection. */
export class ConnectionWalk implements Application {
  readonly #site: Site;
  readonly #connection: Connection;
  readonly #running = new Roster<RequestScope>();

  constructor(site: Site, connection: Connection) {
    this.#site = site;
    this.#connection = connection;
    connection.signal.addEventListener('abort', () => this.#letGo(), { once: true });
  }

  /** Shutdown, reload, or the connection is over. */
  #letGo(): void {
    for (const scope of this.#running) scope.abort(new CallError('ABORTED', 'aborted'));
  }

  async serve(exchange: Exchange): Promise<Answer | undefined> {
    const { request } = exchange;
    const scope = new RequestScope(this.#site.host, this.#connection, this.#site.config, request);
    const onSent = (sent: Sent) => this.#sent(request, scope, sent);
    exchange.onSent = onSent;
    this.#running.add(scope);
    try {
      return this.#finished(scope, await this.#walk(exchange, scope));
    } catch (error) {
      return this.#finished(scope, this.#failed(request, scope, error));
    }
  }

  #failed(request: HttpRequest, scope: RequestScope, error: unknown): Answer {
    if (!(error instanceof CallError) && !(error instanceof BodyFault))
      this.#site.log.error('request failed', { method: request.method, path: pathOf(request), error });
    if (scope.dress === 'none') return failureAnswer(error);
    scope.dress = 'no-store';
    return failureAnswer(error, { anonymous: scope.identity === null });
  }

  /** What answers of a kind have in common. */
  #finished(
    { surface, dress, origin, ownCors }: RequestScope,
    answer: Answer | undefined,
  ): Answer | undefined {
    if (answer === undefined || surface === 'decoy') return answer;
    const { headers } = answer;
    if (dress !== 'none') headers['X-Content-Type-Options'] = 'nosniff';
    if (dress === 'no-store' && !hasField(headers, 'cache-control')) headers['Cache-Control'] = 'no-store';
    if (origin !== undefined && !ownCors) shareWith(origin, headers);
    return answer;
  }

  #sent(request: HttpRequest, scope: RequestScope, { status, bytes, tooSlow }: Sent): void {
    this.#running.delete(scope);
    if (tooSlow === true) this.#warnOfSlow(scope.identity, { path: pathOf(request), bytes });
    const milliseconds = performance.now() - scope.arrivedAt;
    this.#site.metrics.answered(scope.surface, status, milliseconds / 1000);
    this.#site.log.info('request', {
      peer: scope.identity?.id ?? '-',
      method: request.method,
      path: pathOf(request),
      status,
      bytes,
      ms: Math.round(milliseconds * 10) / 10,
      id: scope.requestId,
    });
  }

  tooSlow(): void {
    this.#warnOfSlow(this.#connection.auth.identity, {});
  }

  #warnOfSlow(identity: Identity | null, of: { readonly path?: string; readonly bytes?: number }): void {
    const { remote } = this.#connection;
    this.#site.log.warn('answer given up: the client does not take it', {
      peer: identity?.id ?? '-',
      addr: remote?.address ?? '-',
      reason: 'http.limits.answerTimeout',
      ...of,
    });
  }

  #walk(exchange: Exchange, scope: RequestScope): Answering {
    const { request } = exchange;
    const { config } = scope;
    const refused = headTooLarge(request, config.limits.header);
    if (refused !== undefined) return refused;

    const target = new ParsedTarget(request.target);
    if (target.path === '/healthz' && isGet(request.method)) {
      scope.surface = 'health';
      return health();
    }

    const resolver = { identity: this.#site.host.identity, remote: this.#connection.remote };
    scope.caller = callerOf(request, resolver);
    const basic =
      hasBasic(request) && this.#takesBasic(request, target) ? basicCallerOf(request, resolver) : anonymous;
    const isAnonymous = scope.identity === null && basic.identity === null;
    if (config.stealth === 'strict' && isAnonymous) return this.#decoy(request, target, scope);

    const origin = allowedOrigin(request, config.allowedOrigins);
    if (origin !== undefined && isPreflight(request) && this.#isKnown(request, target, scope))
      return { status: 204, headers: preflightFields(origin) };
    scope.origin = origin;
    return this.#lead(exchange, scope, target, basic);
  }

  /** Steps 6 to 9. */
  #lead(exchange: Exchange, scope: RequestScope, target: ParsedTarget, basic: Caller): Answering {
    const { request } = exchange;
    const route = this.#site.reserved(target.path);
    if (route !== undefined) {
      this.#warnOfShadow(target, scope);
      if (!route.isOn(scope.config)) return this.#decoy(request, target, scope);
      scope.surface = route.surface;
      scope.dress = route.noStore === false ? 'nosniff' : 'no-store';
      return this.#surfaceAnswer(route, exchange, scope);
    }
    if (this.#site.isReserved(target.path)) return this.#decoy(request, target, scope);
    const routes = this.#routes(target);
    return routes.length === 0
      ? this.#mapped(request, scope, target)
      : this.#contributed(routes, request, scope, target, basic);
  }

  /** Steps 8 and 9. */
  #mapped(request: HttpRequest, scope: RequestScope, target: ParsedTarget): Promise<Answer> {
    const name = scope.config.direct ? directName(target) : undefined;
    const decoy = () => this.#decoy(request, target, scope);
    if (name === undefined) return decoy();
    scope.surface = 'direct';
    scope.dress = 'no-store';
    const gauge = this.#site.streams('sse');
    return directAnswer({ request, scope, name, query: target.query, gauge, decoy });
  }

  #surfaceAnswer(route: SurfaceRoute, { request, upgrade }: Exchange, scope: RequestScope): Answering {
    if (route.checksOrigin === true && isForeign(request, scope.config.allowedOrigins))
      return errorAnswer(
        new CallError('FORBIDDEN', 'pages of this origin are not allowed (http.allowedOrigins)'),
      );
    const { method } = request;
    if (upgrade !== undefined && route.upgrade !== undefined)
      return scope.identity === null ? unauthenticated() : upgraded(route.upgrade, request, upgrade, scope);
    if (!route.methods.includes(method === 'HEAD' ? 'GET' : method)) return methodNotAllowed(route.methods);
    if (route.identityRequired === true && scope.identity === null) return unauthenticated();
    if (route.answer !== undefined) return route.answer(request, scope);
    if (route.handler === undefined) throw new CallError('INTERNAL', 'nothing serves this path');
    return handled(route.handler, request, scope);
  }

  /** Step 7; the next route is asked when one declines, and then what comes after. */
  async #contributed(
    routes: readonly PlacedRoute[],
    request: HttpRequest,
    scope: RequestScope,
    target: ParsedTarget,
    basic: Caller,
  ): Promise<Answer> {
    const { caller } = scope;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    for (const placed of routes) {
      const { methods, route } = placed;
      if (!methods.has(method) && !methods.has(request.method)) continue;
      if (route.auth === 'basic' && caller.identity === null) scope.caller = basic;
      scope.surface = 'route';
      scope.ownCors = route.cors === 'own';
      const answer = await contributedAnswer(placed, request, scope, this.#site.log);
      if (answer !== undefined) return answer;
      scope.caller = caller;
      scope.ownCors = false;
    }
    return this.#mapped(request, scope, target);
  }

  #routes({ segments }: ParsedTarget): readonly PlacedRoute[] {
    return segments === undefined ? [] : this.#site.contributed.find(segments);
  }

  /** A path of the server's that is the name of an operation, too (`docs/spec/http.md` 5). */
  #warnOfShadow(target: ParsedTarget, scope: RequestScope): void {
    const name = directName(target);
    if (name !== undefined && scope.gateway.schema(name) !== undefined) this.#site.shadowed(name);
  }

  #takesBasic({ method }: HttpRequest, target: ParsedTarget): boolean {
    return this.#routes(target).some(
      ({ route, methods }) =>
        route.auth === 'basic' && (methods.has(method) || (method === 'HEAD' && methods.has('GET'))),
    );
  }

  /** Whether steps 6 to 8 have something there for which the host answers preflights. */
  #isKnown(request: HttpRequest, target: ParsedTarget, scope: RequestScope): boolean {
    const reserved = this.#site.reserved(target.path);
    if (reserved !== undefined) return reserved.isOn(scope.config);
    const wanted = request.header('access-control-request-method') ?? '';
    for (const { methods, route } of this.#routes(target))
      if (methods.has(wanted) || methods.has('OPTIONS')) return route.cors !== 'own';
    const name = directName(target);
    return scope.config.direct && name !== undefined && scope.gateway.schema(name) !== undefined;
  }

  #decoy(request: HttpRequest, target: ParsedTarget, scope: RequestScope): Promise<Answer> {
    scope.surface = 'decoy';
    scope.dress = 'none';
    return decoyAnswer(scope.config.decoy, request, target);
  }
}

function isGet(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Without the query, which may hold what is nobody's business. */
function pathOf({ target }: HttpRequest): string {
  return target.split('?', 1)[0] ?? '';
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

async function upgraded(
  take: UpgradeHandler,
  request: HttpRequest,
  upgrade: Upgrade,
  scope: RequestScope,
): Promise<Answer | undefined> {
  const web = toWebRequest(request, { size: 0, time: 0 });
  const response = await take(web, scope, async (headers) => upgrade.accept(Object.fromEntries(headers)));
  return response && fromWebResponse(response);
}

async function handled(handler: Handler, request: HttpRequest, scope: RequestScope): Promise<Answer> {
  const { limits } = scope.config;
  const web = toWebRequest(request, { size: limits.body, time: limits.bodyTimeout });
  return fromWebResponse(await handler(web, scope));
}

function hasField(headers: HeaderFields, name: string): boolean {
  for (const key in headers) if (key.length === name.length && key.toLowerCase() === name) return true;
  return false;
}
