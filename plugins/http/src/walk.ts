/**
 * The life of a request, in the order of `docs/spec/http.md` 3: the first step that answers ends it.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import { CallError, type Connection, type Identity, Roster } from '@alknet/sdk';
import { errorAnswer, failureAnswer, methodNotAllowed } from './answers.ts';
import { allowedOrigin, isForeign, isPreflight, preflightFields, shareWith } from './cors.ts';
import { anonymous, basicCallerOf, callerOf, hasBasic } from './credential.ts';
import { decoyAnswer } from './decoy/decoy.ts';
import { directAnswer, directName } from './direct/direct.ts';
import { contributedAnswer } from './routes/contributed.ts';
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
      return await this.#walk(exchange, scope);
    } catch (error) {
      if (!(error instanceof CallError) && !(error instanceof BodyFault))
        this.#site.log.error('request failed', { method: request.method, path: pathOf(request), error });
      return failureAnswer(error);
    }
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

  async #walk(exchange: Exchange, scope: RequestScope): Promise<Answer | undefined> {
    const { request } = exchange;
    const { config } = scope;
    const refused = headTooLarge(request, config.limits.header);
    if (refused !== undefined) return refused;

    const target = parseTarget(request.target);
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

    const answer = await this.#lead(exchange, scope, target, basic);
    if (answer === undefined || scope.surface === 'decoy') return answer;
    if (origin !== undefined && !scope.ownCors) shareWith(origin, answer.headers);
    return answer;
  }

  /** Steps 6 to 9. */
  async #lead(
    exchange: Exchange,
    scope: RequestScope,
    target: ParsedTarget,
    basic: typeof anonymous,
  ): Promise<Answer | undefined> {
    const { request } = exchange;
    const route = this.#site.reserved(target.path);
    if (route !== undefined) {
      this.#warnOfShadow(target, scope);
      if (!route.isOn(scope.config)) return this.#decoy(request, target, scope);
      return this.#reserved(route, exchange, scope);
    }
    if (this.#site.isReserved(target.path)) return this.#decoy(request, target, scope);
    const contributed = await this.#contributed(request, scope, target, basic);
    if (contributed !== undefined) return contributed;
    if (scope.config.direct) {
      scope.surface = 'direct';
      const direct = await directAnswer(request, scope, target, this.#site.streams('sse'));
      if (direct !== undefined) return decorated(direct);
    }
    return this.#decoy(request, target, scope);
  }

  async #reserved(route: SurfaceRoute, exchange: Exchange, scope: RequestScope): Promise<Answer | undefined> {
    scope.surface = route.surface;
    try {
      const answer = await this.#surfaceAnswer(route, exchange, scope);
      return answer && decorated(answer, route.noStore !== false);
    } catch (error) {
      if (!(error instanceof CallError) && !(error instanceof BodyFault)) throw error;
      return decorated(failureAnswer(error, { anonymous: scope.identity === null }));
    }
  }

  async #surfaceAnswer(
    route: SurfaceRoute,
    { request, upgrade }: Exchange,
    scope: RequestScope,
  ): Promise<Answer | undefined> {
    if (route.checksOrigin === true && isForeign(request, scope.config.allowedOrigins))
      return errorAnswer(
        new CallError('FORBIDDEN', 'pages of this origin are not allowed (http.allowedOrigins)'),
      );
    const { method } = request;
    const { limits } = scope.config;
    if (upgrade !== undefined && route.upgrade !== undefined) {
      if (scope.identity === null) return unauthenticated();
      const web = toWebRequest(request, { size: 0, time: 0 });
      const response = await route.upgrade(web, scope, async (headers) =>
        upgrade.accept(Object.fromEntries(headers)),
      );
      return response && fromWebResponse(response);
    }
    if (!route.methods.includes(method === 'HEAD' ? 'GET' : method)) return methodNotAllowed(route.methods);
    if (route.identityRequired === true && scope.identity === null) return unauthenticated();
    if (route.answer !== undefined) return route.answer(request, scope);
    if (route.handler === undefined) throw new CallError('INTERNAL', 'nothing serves this path');
    const web = toWebRequest(request, { size: limits.body, time: limits.bodyTimeout });
    return fromWebResponse(await route.handler(web, scope));
  }

  async #contributed(
    request: HttpRequest,
    scope: RequestScope,
    { segments }: ParsedTarget,
    basic: typeof anonymous,
  ): Promise<Answer | undefined> {
    if (segments === undefined) return undefined;
    const { caller } = scope;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    for (const placed of this.#site.contributed.find(segments)) {
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
    return undefined;
  }

  /** A path of the server's that is the name of an operation, too (`docs/spec/http.md` 5). */
  #warnOfShadow(target: ParsedTarget, scope: RequestScope): void {
    const name = directName(target);
    if (name !== undefined && scope.gateway.schema(name) !== undefined) this.#site.shadowed(name);
  }

  #takesBasic({ method }: HttpRequest, { segments }: ParsedTarget): boolean {
    if (segments === undefined) return false;
    for (const { route, methods } of this.#site.contributed.find(segments))
      if (route.auth === 'basic' && (methods.has(method) || (method === 'HEAD' && methods.has('GET'))))
        return true;
    return false;
  }

  /** Whether steps 6 to 8 have something there for which the host answers preflights. */
  #isKnown(request: HttpRequest, target: ParsedTarget, scope: RequestScope): boolean {
    const reserved = this.#site.reserved(target.path);
    if (reserved !== undefined) return reserved.isOn(scope.config);
    if (target.segments === undefined) return false;
    const wanted = request.header('access-control-request-method') ?? '';
    for (const { methods, route } of this.#site.contributed.find(target.segments))
      if (methods.has(wanted) || methods.has('OPTIONS')) return route.cors !== 'own';
    const name = directName(target);
    return scope.config.direct && name !== undefined && scope.gateway.schema(name) !== undefined;
  }

  #decoy(request: HttpRequest, target: ParsedTarget, scope: RequestScope): Promise<Answer> {
    scope.surface = 'decoy';
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

/** What every answer of the server's own carries. */
function decorated(answer: Answer, noStore = true): Answer {
  const { headers } = answer;
  headers['X-Content-Type-Options'] = 'nosniff';
  if (noStore && !hasField(headers, 'cache-control')) headers['Cache-Control'] = 'no-store';
  return answer;
}

function hasField(headers: HeaderFields, name: string): boolean {
  for (const key in headers) if (key.length === name.length && key.toLowerCase() === name) return true;
  return false;
}
