/**
 * Which pages of other origins may read answers. `docs/spec/http.md` 13. Pure.
 *
 * @module
 */

import type { HeaderFields, HttpRequest } from './server/message.ts';

type Allowed = ReadonlySet<string>;

/** What `Access-Control-Allow-Origin` says to the origin of the request; `undefined` for nothing. */
export function allowedOrigin(request: HttpRequest, allowed: Allowed): string | undefined {
  if (allowed.size === 0) return undefined;
  const origin = request.header('origin');
  if (origin === undefined) return undefined;
  if (allowed.has('*')) return '*';
  return allowed.has(origin.toLowerCase()) ? origin : undefined;
}

/** Neither allowed nor the node's own: what no page may open a session from. */
export function isForeign(request: HttpRequest, allowed: Allowed): boolean {
  const origin = request.header('origin')?.toLowerCase();
  if (origin === undefined || allowed.has('*') || allowed.has(origin)) return false;
  return origin !== `https://${request.authority.toLowerCase().replace(/:443$/, '')}`;
}

export function isPreflight(request: HttpRequest): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.header('origin') !== undefined &&
    request.header('access-control-request-method') !== undefined
  );
}

export function preflightFields(origin: string): HeaderFields {
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Methods': 'GET, HEAD, POST, DELETE, OPTIONS',
    'Access-Control-Allow-Headers':
      'Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version',
    'Access-Control-Max-Age': '600',
    Vary: 'Origin',
  };
}

/** Lets the page of that origin read the answer. */
export function shareWith(origin: string, headers: HeaderFields): void {
  headers['Access-Control-Allow-Origin'] = origin;
  headers['Access-Control-Expose-Headers'] = 'X-Request-Id, Retry-After, Mcp-Session-Id';
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'vary');
  const vary = name === undefined ? undefined : headers[name];
  if (name === undefined || vary === undefined) headers['Vary'] = 'Origin';
  else headers[name] = `${Array.isArray(vary) ? vary.join(', ') : vary}, Origin`;
}
