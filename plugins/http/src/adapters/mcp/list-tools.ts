/**
 * All pages of `tools/list`, of a server that may give them without end. `docs/spec/http.md` 17.3 and 20.
 *
 * @module
 */

import { AdapterError } from '@alknet/sdk';
import { found } from '../json.ts';
import type { McpConnection } from './connection.ts';

const maxTools = 10_000;
const maxPages = 1000;

/** `place` stands in front of what is said. @throws AdapterError `DiscoveryFailed`, and what the library throws */
export async function listTools(
  connection: Pick<McpConnection, 'listTools'>,
  place: string,
  signal: AbortSignal,
): Promise<unknown[]> {
  const tools: unknown[] = [];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const fault = (what: string) =>
      new AdapterError('DiscoveryFailed', `${place}: tools/list: page ${page}: ${what}`);
    const { tools: more, nextCursor: next } = await connection.listTools(cursor, signal);
    if (!Array.isArray(more)) throw fault(`tools: expected a list, found ${found(more)}`);
    for (const tool of more) tools.push(tool);
    if (tools.length > maxTools) throw fault(`more than ${maxTools} tools`);
    if (next === undefined || next === null) return tools;
    if (typeof next !== 'string') throw fault(`nextCursor: expected text, found ${found(next)}`);
    if (cursors.has(next)) throw fault(`nextCursor: ${found(next)} came before: the list has no end`);
    cursors.add(next);
    cursor = next;
  }
  throw new AdapterError('DiscoveryFailed', `${place}: tools/list: more than ${maxPages} pages`);
}
