/**
 * Operations as the identity that a plugin serves: each runs as a wire call. `docs/spec/registry.md` 7.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import {
  type AuthContext,
  CallError,
  type Gateway,
  type GatewayCallOptions,
  type IncomingCall,
  type OperationSpec,
  type Server,
} from '@alknet/sdk';
import type { Registry } from './registry.ts';
import { isShown, visibleTo } from './visible.ts';
import { WireServer } from './wire.ts';

export class RegistryGateway implements Gateway {
  readonly server: Server;
  readonly #wire: WireServer;
  readonly #registry: Registry;

  constructor(registry: Registry, auth: AuthContext) {
    this.#registry = registry;
    this.#wire = new WireServer(registry, auth);
    this.server = this.#wire;
  }

  async call(name: string, input?: unknown, options: GatewayCallOptions = {}): Promise<unknown> {
    const answer = this.#wire.serve(incoming(name, input, options, undefined));
    if (answer.kind === 'value') return await answer.output;
    try {
      const first = await answer.values.next();
      if (first.done !== true) return first.value;
    } finally {
      void answer.values.return?.();
    }
    throw new CallError('INVALID_OPERATION_TYPE', 'the subscription completed without a value');
  }

  async *subscribe(
    name: string,
    input?: unknown,
    options: GatewayCallOptions = {},
  ): AsyncGenerator<unknown, void, undefined> {
    const answer = this.#wire.serve(incoming(name, input, options, 0));
    if (answer.kind === 'value')
      throw new CallError('INVALID_OPERATION_TYPE', `${name} is not a subscription`);
    try {
      for (;;) {
        const next = await answer.values.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      void answer.values.return?.();
    }
  }

  list(): readonly OperationSpec[] {
    const identity = this.#wire.identity();
    return visibleTo(this.#registry, identity).map(({ operation }) => operation);
  }

  schema(name: string): OperationSpec | undefined {
    const operation = this.#registry.base.get(name.startsWith('/') ? name.slice(1) : name)?.operation;
    return operation && isShown(operation, this.#wire.identity()) ? operation : undefined;
  }
}

const never = new AbortController().signal;

/** Input and output travel by value, as over a wire. */
function incoming(
  name: string,
  input: unknown,
  options: GatewayCallOptions,
  window: number | undefined,
): IncomingCall {
  const { signal } = options;
  return {
    id: options.requestId ?? randomUUID(),
    name: name.startsWith('/') ? name.slice(1) : name,
    input: input === undefined ? null : structuredClone(input),
    authToken: options.authToken,
    forwardedFor: options.forwardedFor ?? null,
    timeoutMs: options.timeoutMs,
    window,
    hops: options.hops ?? 0,
    receivedAt: performance.now(),
    signal: signal ?? never,
    onAbort: (listener) => {
      const abort = () =>
        listener(signal?.reason instanceof CallError ? signal.reason : new CallError('ABORTED', 'aborted'));
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    },
    connection: null,
  };
}
