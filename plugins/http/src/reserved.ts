/**
 * Paths that belong to the server, also while nothing is there. `docs/spec/http.md` 5.
 *
 * @module
 */

export const reservedPaths: ReadonlySet<string> = new Set([
  '/healthz',
  '/search',
  '/schema',
  '/call',
  '/batch',
  '/subscribe',
  '/openapi/gateway.json',
  '/openapi.json',
  '/mcp',
  '/mcp/gateway',
  '/alknet/call',
  '/.well-known/alknet',
  '/metrics',
]);
