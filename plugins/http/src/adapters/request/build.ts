/**
 * A call's input to the request that is sent. `docs/spec/http.md` 18. Pure but for the boundary of multipart bodies.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { member } from '../json.ts';
import type { RequestPlan } from '../plan.ts';
import type { BaseUrl } from './base-url.ts';
import { encodeBody } from './body.ts';
import { type Credential, credentialHeader, credentialQuery } from './credential.ts';
import { encode, headerValue, pathValue, queryPairs } from './style.ts';

export interface BuiltRequest {
  readonly method: string;
  readonly origin: string;
  /** With query. */
  readonly path: string;
  /** In the order in which they are sent; names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | undefined;
  readonly streaming: boolean;
}

export interface BuildOptions {
  readonly base: BaseUrl;
  /** Of the adapter's entry. */
  readonly headers: readonly (readonly [string, string])[];
  readonly credential: Credential | undefined;
}

function invalid(name: string, what: string): CallError {
  return new CallError('INVALID_INPUT', `invalid input: /${name} ${what}`);
}

/** Of the connection, and the client's alone. */
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** @throws CallError `INVALID_INPUT` */
export function buildRequest(plan: RequestPlan, input: unknown, options: BuildOptions): BuiltRequest {
  const values = plan.parameters.flatMap((parameter) => {
    const value = member(input, parameter.property);
    return value === undefined ? [] : [{ parameter, value }];
  });
  const cookies: string[] = [];
  const query: string[] = [];
  const filled = new Map<string, string>();
  const headers = new Map(options.headers.map(([name, value]) => [name.toLowerCase(), value]));
  for (const { parameter, value } of values) {
    if (parameter.in === 'query') query.push(...queryPairs(value, parameter));
    else if (parameter.in === 'path') filled.set(parameter.name, pathValue(value, parameter));
    else if (parameter.in === 'header' && !connectionHeaders.has(parameter.name.toLowerCase()))
      headers.set(parameter.name.toLowerCase(), safe(headerValue(value, parameter), parameter.property));
    else if (parameter.in === 'cookie') cookies.push(...queryPairs(value, parameter));
  }
  if (cookies.length > 0) headers.set('cookie', cookies.join('; '));
  const body = plan.body?.whole === true ? input : member(input, 'body');
  const encoded = plan.body === undefined || body === undefined ? undefined : encodeBody(plan.body, body);
  if (encoded !== undefined) headers.set('content-type', safe(encoded.contentType, 'body'));
  headers.set('accept', plan.streaming ? 'text/event-stream' : 'application/json, */*;q=0.5');
  headers.set('user-agent', 'alknet');
  for (const [name, value] of credentialHeader(options.credential)) {
    headers.delete(name);
    headers.set(name, value);
  }
  const secret = credentialQuery(options.credential);
  const [name = ''] = (secret[0] ?? '').split('=');
  const own = name === '' ? query : query.filter((pair) => !pair.startsWith(`${name}=`));
  return {
    method: plan.method,
    origin: options.base.origin,
    path: target(plan.path, filled, [...own, ...secret], options.base),
    headers: [...headers],
    body: encoded?.bytes,
    streaming: plan.streaming,
  };
}

/** The template with its values; nothing that a value holds makes a segment, a query or another host of it. */
function target(
  template: string,
  filled: ReadonlyMap<string, string>,
  query: readonly string[],
  base: BaseUrl,
): string {
  const [bare = ''] = template.split('#');
  const mark = bare.indexOf('?');
  const written = mark === -1 ? bare : bare.slice(0, mark);
  const fixed = mark === -1 || mark === bare.length - 1 ? [] : [substituted(bare.slice(mark + 1), filled)];
  const path = substituted(written.startsWith('/') ? written : `/${written}`, filled)
    .split('/')
    .map((segment) => {
      // RFC 3986 6.2.2.2: a server may read %2E as a dot, so that encoding would not keep it in its place.
      if (segment === '.' || segment === '..') throw invalid('', 'a path parameter makes a dot segment');
      return segment;
    })
    .join('/');
  const pairs = [...fixed, ...query];
  return `${base.path}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}

function substituted(text: string, filled: ReadonlyMap<string, string>): string {
  const pieces = text.split(/\{([^{}]+)\}/);
  return pieces
    .map((piece, i) => {
      if (i % 2 === 0) return literal(piece);
      const value = filled.get(piece);
      if (value === undefined || value === '')
        throw invalid(piece, 'expected a value that is not empty, it is part of the path');
      return value;
    })
    .join('');
}

/** What the document itself writes in a path, without characters that no request line may have. */
function literal(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]|["<>\\^`{|}]/gu, (character) => encode(character));
}

function safe(value: string, name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
    throw invalid(name, 'must have no control characters, it is sent as a header');
  // RFC 9110 5.5: bytes; what is beyond them is sent as UTF-8.
  return /^[\t\x20-\xff]*$/.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1');
}
