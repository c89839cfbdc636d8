/**
 * `/openapi.json` and `/openapi/gateway.json`. `docs/spec/http.md` 16.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import type { RequestContext } from '../request-context.ts';
import { reservedPaths } from '../reserved.ts';
import type { Answer, HttpRequest } from '../server/message.ts';
import type { MakeSurface } from '../surface.ts';
import { toOpenAPI } from './to-openapi.ts';

/** Documents that are kept: one for each set of operations that callers have asked for lately. */
const maxKept = 8;

export const openapiSurface: MakeSurface = () => {
  const kept = new Map<string, string>();
  return {
    routes: [
      {
        path: '/openapi/gateway.json',
        methods: ['GET'],
        surface: 'gateway',
        isOn: ({ gateway }) => gateway,
        answer: (request) =>
          answered(request, gatewayTag, () => gatewayText, { 'Cache-Control': 'no-cache' }),
      },
      {
        path: '/openapi.json',
        methods: ['GET'],
        surface: 'direct',
        isOn: ({ direct }) => direct,
        answer: (request, context) => direct(request, context, kept),
      },
    ],
  };
};

const gatewayText = JSON.stringify(toOpenAPI([], { surface: 'gateway' }));
const gatewayTag = tagOf(gatewayText);

async function direct(
  request: HttpRequest,
  { gateway }: RequestContext,
  kept: Map<string, string>,
): Promise<Answer> {
  const version = revisionOf(await gateway.call('services/list', { limit: 1 }));
  const operations = gateway.list();
  const server = `https://${request.authority}`;
  const tag = tagOf(JSON.stringify([version, server, operations.map(({ name }) => name)]));
  const make = () => {
    const known = kept.get(tag);
    const text =
      known ??
      JSON.stringify(
        toOpenAPI(operations, {
          surface: 'direct',
          version,
          server,
          isReserved: (path) => reservedPaths.has(path),
        }),
      );
    kept.delete(tag);
    kept.set(tag, text);
    for (const oldest of kept.keys()) {
      if (kept.size <= maxKept) break;
      kept.delete(oldest);
    }
    return text;
  };
  return answered(request, tag, make, { 'Cache-Control': 'private, no-cache', Vary: 'Authorization' });
}

function answered(
  request: HttpRequest,
  tag: string,
  make: () => string,
  headers: Readonly<Record<string, string>>,
): Answer {
  const fields = { ...headers, ETag: tag };
  if (matches(request.header('if-none-match'), tag)) return { status: 304, headers: fields };
  return { status: 200, headers: { ...fields, 'Content-Type': 'application/json' }, body: make() };
}

function tagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 32)}"`;
}

/** RFC 9110 13.1.2: the weak comparison. */
function matches(field: string | undefined, tag: string): boolean {
  if (field === undefined) return false;
  return field.trim() === '*' || field.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}

function revisionOf(listing: unknown): string {
  if (typeof listing !== 'object' || listing === null || !('revision' in listing)) return '';
  return String(listing.revision);
}
