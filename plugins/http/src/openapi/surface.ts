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

/** Characters of documents that are kept, one for each set of operations that callers have asked for lately. */
const maxKept = 16 * 1024 * 1024;
/** Stands for the URL of the node while a document is kept: whoever asks chooses that, and must not make the work. */
const placeholder = 'https://node.invalid';

export const openapiSurface: MakeSurface = () => {
  const kept = new KeptDocuments();
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
  kept: KeptDocuments,
): Promise<Answer> {
  const version = revisionOf(await gateway.call('services/list', { limit: 1 }));
  const operations = gateway.list();
  const server = `https://${request.authority}`;
  const set = tagOf(JSON.stringify([version, operations.map(({ name }) => name)]));
  const make = () => {
    const isReserved = (path: string) => reservedPaths.has(path);
    const text = kept.get(set, () =>
      JSON.stringify(toOpenAPI(operations, { surface: 'direct', version, server: placeholder, isReserved })),
    );
    return text.replace(JSON.stringify(placeholder), () => JSON.stringify(server));
  };
  return answered(request, tagOf(`${set} ${server}`), make, {
    'Cache-Control': 'private, no-cache',
    Vary: 'Authorization',
  });
}

class KeptDocuments {
  readonly #texts = new Map<string, string>();
  #length = 0;

  get(key: string, make: () => string): string {
    const known = this.#texts.get(key);
    const text = known ?? make();
    this.#texts.delete(key);
    this.#texts.set(key, text);
    if (known === undefined) this.#length += text.length;
    for (const [oldest, { length }] of this.#texts) {
      if (this.#length <= maxKept) break;
      this.#texts.delete(oldest);
      this.#length -= length;
    }
    return text;
  }
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
