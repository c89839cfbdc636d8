/**
 * Calls from the wire: steps 2 to 10 of `docs/spec/call.md` 6, for one connection or one gateway.
 *
 * @module
 */

import {
  type Answer,
  type AuthContext,
  acceptInput,
  callTimeout,
  checkAccess,
  checkKind,
  checkRequest,
  type Identity,
  type IncomingCall,
  notFound,
  type Server,
} from '@alknet/sdk';
import { CallNode } from './call-node.ts';
import { runStream, runValue } from './executor.ts';
import type { Registry } from './registry.ts';
import { sealed } from './sealed.ts';

export class WireServer implements Server {
  readonly #registry: Registry;
  readonly #auth: AuthContext;

  constructor(registry: Registry, auth: AuthContext) {
    this.#registry = registry;
    this.#auth = auth;
  }

  timeout(name: string, timeoutMs: unknown): number | undefined {
    return callTimeout(this.#registry.base.get(name)?.operation, timeoutMs, this.#registry.limits);
  }

  /** The identity of the connection as it stands now: rights are looked up at each request. */
  identity(): Identity | null {
    const { identity } = this.#auth;
    return identity === null ? null : this.#registry.identities.current(identity);
  }

  serve(call: IncomingCall): Answer {
    const registry = this.#registry;
    const token =
      call.authToken === undefined
        ? undefined
        : registry.identities.resolveToken(call.authToken, this.#auth.remote);
    const identity = sealed(token ?? this.identity());
    const registration = registry.base.get(call.name);
    if (registration === undefined || registration.operation.visibility === 'internal')
      throw notFound(call.name);
    const { operation, compiled } = registration;
    const refusal = checkAccess(operation.access, identity, call.input, registry.owns);
    if (refusal !== undefined) {
      registry.refused(operation.name, identity, refusal, call.id);
      throw refusal;
    }
    checkRequest(call);
    const input = acceptInput(compiled, call.input);
    checkKind(operation, call);

    const timeout = callTimeout(operation, call.timeoutMs, registry.limits);
    const node = new CallNode({
      registration,
      requestId: call.id,
      parent: undefined,
      identity,
      token: token && call.authToken,
      caller: identity && Object.freeze({ id: identity.id }),
      forwardedFor: call.forwardedFor && Object.freeze(call.forwardedFor),
      connection: call.connection,
      hops: call.hops,
      overlays: [],
      deadline: timeout === undefined ? undefined : call.receivedAt + timeout,
      onAbort: 'abort',
      internal: false,
    });
    call.onAbort((reason) => node.stop(reason));
    if (operation.type === 'subscription') {
      const { values, settled } = runStream(registry, node, input);
      return { kind: 'stream', values, settled };
    }
    return { kind: 'value', ...runValue(registry, node, input) };
  }
}
