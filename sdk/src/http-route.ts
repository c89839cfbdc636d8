/**
 * A web route that a plugin contributes to the surface `http`: raw HTTP as `Request` to `Response`, beside the operations.
 * `docs/spec/http.md` 12.
 *
 * @example
 * contributes: { http: [{ method: 'GET', path: '/feed/:id', handler: (request) => new Response('…') }] }
 *
 * @module
 */

import type { Identity, RemoteAddress } from './identity.ts';

export interface HttpRouteContext {
  /** Of the credentials that `auth` takes; `null` for nobody. */
  readonly identity: Identity | null;
  readonly remote: RemoteAddress | null;
  readonly requestId: string;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

export interface HttpRoute {
  readonly method: string | readonly string[];
  /** Segments: literal, `:name`, `:name{regexp}`, and `*` as the last one for any rest. */
  readonly path: string;
  /** `undefined` declines: the walk goes on as if the route were not there. */
  handler(request: Request, context: HttpRouteContext): Promise<Response | undefined> | Response | undefined;
  /** Default `bearer`. */
  readonly auth?: 'bearer' | 'basic' | 'required';
  /** Most bytes of a request's body (default: the server's), or `stream` for no limit here. */
  readonly body?: number | 'stream';
  /** Who answers `OPTIONS` and sets the headers of CORS. Default `host`. */
  readonly cors?: 'host' | 'own';
}
