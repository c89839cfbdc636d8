/**
 * Where an MCP server is. There is streamable HTTP and nothing else: no entry of a configuration starts a process.
 * `docs/spec/http.md` 20. Pure.
 *
 * @module
 */

import { AdapterError } from '@alknet/sdk';
import { found } from '../json.ts';
import { isLoopback } from '../request/base-url.ts';

/** Members of an entry that stdio servers have in other programs' configurations. */
const stdio = ['command', 'args', 'env', 'cwd', 'stdio'];

/** What an entry of the kind `mcp` has (`docs/spec/http.md` 17.2), and what the plugin gives to all. */
const members = new Set([
  ...['kind', 'namespace', 'endpoint', 'auth', 'headers', 'visibility', 'scopes', 'include', 'exclude'],
  ...['refresh', 'timeout', 'retries', 'maxResponse'],
  ...['client', 'retryAfter', 'log', 'counted', 'capabilities', 'version'],
]);

/** @throws AdapterError `AdapterConfig` */
export function mcpEndpoint(entry: {
  readonly namespace: string;
  readonly endpoint?: string | undefined;
}): URL {
  const { namespace, endpoint } = entry;
  const fault = (text: string) => new AdapterError('AdapterConfig', `${namespace}: ${text}`);
  if (stdio.some((member) => member in entry) || ('transport' in entry && entry.transport === 'stdio'))
    throw fault('MCP over stdio is not supported; give an endpoint');
  const unknown = Object.keys(entry).find((member) => !members.has(member));
  if (unknown !== undefined) throw fault(`unknown member ${unknown} of an adapter of the kind mcp`);
  if (endpoint === undefined) throw fault('endpoint: expected the URL of the MCP server, found nothing');
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined) throw fault(`endpoint: expected a URL, found ${found(endpoint)}`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw fault(`endpoint: expected https, or http to a loopback address, found ${found(url.origin)}`);
  if (url.username !== '' || url.password !== '')
    throw fault('endpoint: expected a URL without a user; use auth');
  return url;
}
