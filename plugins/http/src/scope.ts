/**
 * The context of one request, each part made when it is asked for.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import type { AuthContext, Connection, Gateway, Identity, PluginHost, RemoteAddress } from '@alknet/sdk';
import type { HttpConfig } from './config.ts';
import type { Caller } from './credential.ts';
import type { RequestContext } from './request-context.ts';
import type { HttpRequest } from './server/message.ts';

export class RequestScope implements RequestContext {
  readonly connection: Connection;
  readonly config: HttpConfig;
  readonly #host: Pick<PluginHost, 'operations'>;
  readonly #request: HttpRequest;
  readonly #caller: Caller;
  #gateway: Gateway | undefined;
  #requestId: string | undefined;

  constructor(
    host: Pick<PluginHost, 'operations'>,
    connection: Connection,
    config: HttpConfig,
    request: HttpRequest,
    caller: Caller,
  ) {
    this.#host = host;
    this.connection = connection;
    this.config = config;
    this.#request = request;
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

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

/** The caller of a request is its credential's identity; a certificate is never a fallback (`docs/spec/http.md` 4). */
function callerAuth({ alpn, transport, remote }: AuthContext, identity: Identity | null): AuthContext {
  return { alpn, transport, remote, fingerprint: null, identity };
}
