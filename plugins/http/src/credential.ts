/**
 * Who sends a request: the bearer token of it, and nothing else. `docs/spec/http.md` 4.
 *
 * @module
 */

import type { Identity, IdentityLookup, RemoteAddress } from '@alknet/sdk';
import type { HttpRequest } from './server/message.ts';

export interface Caller {
  readonly identity: Identity | null;
  /** That which resolved. */
  readonly token: string | undefined;
}

export const anonymous: Caller = { identity: null, token: undefined };

/** RFC 6750 2.1, the scheme in any case. */
const bearer = /^bearer +([!-~]+)$/i;
const basicScheme = /^basic /i;
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** What resolves tokens, and is told of those that do not. */
export interface Resolver {
  readonly identity: IdentityLookup;
  readonly remote: RemoteAddress | null;
}

export function callerOf(request: HttpRequest, resolver: Resolver): Caller {
  const value = request.header('authorization');
  if (value === undefined)
    return request.protocol === 'websocket' ? resolved(subprotocolToken(request), resolver) : anonymous;
  // RFC 9110 5.3: two of a single-value field cannot be told apart by who put them there.
  if (request.fields('authorization') > 1) return anonymous;
  return resolved(bearer.exec(value)?.[1], resolver);
}

export function hasBasic(request: HttpRequest): boolean {
  const value = request.header('authorization');
  return value !== undefined && basicScheme.test(value);
}

/** The password of Basic credentials, taken as a token: only for contributed routes that ask for it. */
export function basicCallerOf(request: HttpRequest, resolver: Resolver): Caller {
  const value = request.header('authorization');
  if (value === undefined || request.fields('authorization') > 1) return anonymous;
  const encoded = basic.exec(value)?.[1];
  if (encoded === undefined) return anonymous;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  return resolved(text.slice(text.indexOf(':') + 1), resolver);
}

function resolved(token: string | undefined, { identity, remote }: Resolver): Caller {
  if (token === undefined) return anonymous;
  const found = identity.resolveToken(token, remote);
  return found === undefined ? anonymous : { identity: found, token };
}

const subprotocol = /^alknet\.bearer\.([!-~]+)$/;

/** What a browser, which cannot set header fields on a WebSocket, offers as a subprotocol. `docs/spec/http.md` 15.1. */
function subprotocolToken(request: HttpRequest): string | undefined {
  const offered = request.header('sec-websocket-protocol') ?? '';
  for (const name of offered.split(',')) {
    const token = subprotocol.exec(name.trim())?.[1];
    if (token !== undefined) return token;
  }
  return undefined;
}
