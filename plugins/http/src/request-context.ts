/**
 * What a surface gets beside the request: who calls, and what it may do for that caller.
 *
 * A surface (gateway, documents, MCP, WebSocket, page) is web-standard `Request` to `Response`, whatever version of HTTP
 * carried the request. The walk of `docs/spec/http.md` 3 has decided that the request is the surface's, and who sent it.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { CallError, Connection, Gateway, Identity, RemoteAddress } from '@alknet/sdk';
import type { HttpConfig } from './config.ts';

export interface RequestContext {
  /** Of this request's credential; `null` for nobody. */
  readonly identity: Identity | null;
  /** Operations as this caller; rights are looked up at each check, so it may be kept for a session. */
  readonly gateway: Gateway;
  readonly remote: RemoteAddress | null;
  /** UUID v4 of the request, as the access log and `X-Request-Id` have it. */
  readonly requestId: string;
  /** Aborted when the client is gone, or the node lets go of the connection. The reason is a CallError. */
  readonly signal: AbortSignal;
  /** The same without an AbortSignal, which costs more than a small call; called at once if it has happened. */
  onAbort(listener: (reason: CallError) => void): void;
  /** `performance.now()` milliseconds of its arrival, from which deadlines count. */
  readonly arrivedAt: number;
  readonly connection: Connection;
  /** In use when the request arrived. */
  readonly config: HttpConfig;
  /** The bearer token, for calls that must end when it is revoked; never to be logged or sent. */
  readonly token: string | undefined;
}

/** The body of `request` is limited by `http.limits.body` and `bodyTimeout`; reading beyond throws a {@link BodyFault}. */
export type Handler = (request: Request, context: RequestContext) => Promise<Response> | Response;

/**
 * Takes the bytes of a connection over: HTTP/1.1 `Upgrade: websocket`, or HTTP/2 extended CONNECT (RFC 8441). The walk
 * has checked method, version and that there is an identity.
 *
 * `accept` sends 101 (HTTP/1.1, with `Connection: Upgrade` and `Upgrade: websocket`) or 200 (HTTP/2) with `headers`, and
 * gives the bytes in both directions. Without `accept` the handler answers with a Response.
 */
export type UpgradeHandler = (
  request: Request,
  context: RequestContext,
  accept: (headers: Headers) => Promise<Duplex>,
) => Promise<Response | undefined>;
