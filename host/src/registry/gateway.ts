/**
 * Operations as the identity that a plugin serves: each runs as a wire call. `docs/spec/registry.md` 7.
 *
 * @module
 */

import {
  type AuthContext,
  callServer,
  type Gateway,
  type GatewayCallOptions,
  type OperationSpec,
  type RemoteCaller,
  type Server,
  subscribeServer,
} from '@alknet/sdk';
import type { Registry } from './registry.ts';
import { isShown, visibleTo } from './visible.ts';
import { WireServer } from './wire.ts';

export class RegistryGateway implements Gateway {
  readonly server: Server;
  readonly #wire: WireServer;
  readonly #registry: Registry;
  readonly #auth: AuthContext;

  constructor(registry: Registry, auth: AuthContext) {
    this.#registry = registry;
    this.#auth = auth;
    this.#wire = new WireServer(registry, auth);
    this.server = this.#wire;
  }

  call(name: string, input?: unknown, options?: GatewayCallOptions): Promise<unknown> {
    return callServer(this.#wire, name, input, options);
  }

  subscribe(
    name: string,
    input?: unknown,
    options?: GatewayCallOptions,
  ): AsyncGenerator<unknown, void, undefined> {
    return subscribeServer(this.#wire, name, input, options);
  }

  attach(remote: RemoteCaller): void {
    const { identity } = this.#auth;
    if (identity === null || this.#registry.identities.current(identity) === null) return;
    // An identity that a plugin asserted is no peer's.
    if (!identity.id.includes(':')) this.#registry.peers.attach({ id: identity.id, remote });
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
