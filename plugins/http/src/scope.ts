/**
 * The context of one request, each part made when it is asked for.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import {
  AbortLatch,
  type AuthContext,
  CallError,
  type Connection,
  type Gateway,
  type Identity,
  type Placed,
  type PluginHost,
  type RemoteAddress,
} from '@alknet/sdk';
import type { HttpConfig } from './config.ts';
import { anonymous, type Caller } from './credential.ts';
import type { RequestContext } from './request-context.ts';
import type { HttpRequest } from './server/message.ts';
import type { SurfaceName } from './surface.ts';

export class RequestScope implements RequestContext, Placed {
  place = -1;
  /** `performance.now()` milliseconds. */
  readonly arrivedAt = performance.now();
  readonly connection: Connection;
  readonly config: HttpConfig;
  readonly #host: Pick<PluginHost, 'operations'>;
  readonly #request: HttpRequest;
  /** What answers it, as metrics call it. */
  surface: SurfaceName = 'decoy';
  /** Whether the answer brings the headers of CORS itself. */
  ownCors = false;
  /** What the answer carries in any case: nothing, `X-Content-Type-Options`, or `Cache-Control` as well. */
  dress: 'none' | 'nosniff' | 'no-store' = 'none';
  /** A page of another origin that may read the answer. */
  origin: string | undefined;
  #caller: Caller = anonymous;
  #gateway: Gateway | undefined;
  #requestId: string | undefined;
  #watching = false;
  readonly #end = new AbortLatch<CallError>();

  constructor(
    host: Pick<PluginHost, 'operations'>,
    connection: Connection,
    config: HttpConfig,
    request: HttpRequest,
  ) {
    this.#host = host;
    this.connection = connection;
    this.config = config;
    this.#request = request;
  }

  get caller(): Caller {
    return this.#caller;
  }

  /** Set before anybody else sees the scope, and for a route that takes other credentials. */
  set caller(caller: Caller) {
    if (caller.identity !== this.#caller.identity) this.#gateway = undefined;
    this.#caller = caller;
  }

  get identity(): Identity | null {
    return this.#caller.identity;
  }

  get token(): string | undefined {
    return this.#caller.token;
  }

  get gateway(): Gateway {
    this.#gateway ??= this.#host.operations.gateway(
      callerAuth(this.connection.auth, this.identity),
      this.connection,
    );
    return this.#gateway;
  }

  get remote(): RemoteAddress | null {
    return this.connection.remote;
  }

  get requestId(): string {
    this.#requestId ??= randomUUID();
    return this.#requestId;
  }

  /** An AbortSignal costs more than a small call: who can uses `onAbort`. */
  get signal(): AbortSignal {
    this.#watch();
    return this.#end.signal;
  }

  /** Told once when the client has gone or the node gives the request up; at once if that has happened. */
  onAbort(listener: (reason: CallError) => void): void {
    this.#end.on(listener);
    this.#watch();
  }

  #watch(): void {
    if (this.#watching || this.#end.reason !== undefined) return;
    this.#watching = true;
    this.#request.onGone(() => this.abort(new CallError('ABORTED', 'the client has gone')));
  }

  abort(reason: CallError): void {
    this.#end.trip(reason);
  }
}

/** The caller of a request is its credential's identity; a certificate is never a fallback (`docs/spec/http.md` 4). */
function callerAuth({ alpn, transport, remote }: AuthContext, identity: Identity | null): AuthContext {
  return { alpn, transport, remote, fingerprint: null, identity };
}
