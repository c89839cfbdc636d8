/**
 * Where a plugin becomes visible: its operations in the registry and its ALPNs at the endpoint, exchanged in one step.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import {
  type AuthContext,
  CallError,
  type Capabilities,
  type CloseInfo,
  type Connection,
  type DialRequest,
  type DispatchAuth,
  type HostOperations,
  type Log,
  parsePattern,
} from '@alknet/sdk';
import { dispatchGranted } from '../endpoint/alpn.ts';
import type { DialTarget, Endpoint } from '../endpoint/index.ts';
import { lackingRight, type PluginInstance, type PluginSurface } from '../plugins/index.ts';
import type { RegistryGateway } from '../registry/gateway.ts';
import type { Owner, PluginProvenance, Privilege } from '../registry/registration.ts';
import type { Registry } from '../registry/registry.ts';
import { PluginImports } from './plugin-imports.ts';
import type { NodeSecrets } from './secrets.ts';

const defaultConcurrency = 1024;

/** A plugin instance as the registry sees it; every member is what the operator grants now. */
class InstanceOwner implements Owner {
  readonly name: string;
  readonly provenance: PluginProvenance;
  readonly log: Log;
  readonly #instance: PluginInstance;
  #capabilities: Capabilities;
  #privilege: { readonly granted: PluginInstance['granted']; readonly value: Privilege } | undefined;

  constructor(instance: PluginInstance, capabilities: Capabilities, log: Log) {
    this.name = instance.name;
    this.provenance = instance.provenance;
    this.log = log;
    this.#instance = instance;
    this.#capabilities = capabilities;
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Calls that run keep the copy they have. */
  renew(capabilities: Capabilities): void {
    this.#capabilities = capabilities;
  }

  readonly reached = (right: { readonly operation: string } | { readonly refusal: string }): void => {
    if ('operation' in right) return this.#instance.refusals.note('operations', right.operation);
    const lacking = lackingRight(right.refusal);
    if (lacking !== undefined) this.#instance.refusals.note(lacking.member, lacking.entry);
  };

  get concurrency(): number {
    return this.#instance.limits.concurrency ?? defaultConcurrency;
  }

  get privilege(): Privilege {
    const { granted } = this.#instance;
    if (this.#privilege?.granted !== granted) {
      const { scopes, resources, operations, secrets } = granted;
      const value: Privilege = Object.freeze({
        authority: Object.freeze({ id: `plugin:${this.name}`, scopes, resources }),
        reach: operations.flatMap((text) => parsePattern(text) ?? []),
        capabilities: secrets,
      });
      this.#privilege = { granted, value };
    }
    return this.#privilege.value;
  }
}

/** A protocol whose requests bring their own credential asks for one at each request. */
class CallerGateways {
  readonly #registry: Registry;
  readonly #made = new WeakMap<AuthContext, RegistryGateway>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  of(auth: AuthContext): RegistryGateway {
    let gateway = this.#made.get(auth);
    if (gateway === undefined) {
      gateway = this.#registry.gateway(auth);
      this.#made.set(auth, gateway);
    }
    return gateway;
  }
}

export interface SurfaceParts {
  readonly registry: Registry;
  readonly endpoint: Endpoint;
  readonly secrets: NodeSecrets;
  readonly pluginLog: (plugin: string) => Log;
  readonly reloadGrace: () => number;
  readonly resolveTarget: (target: string) => DialTarget;
  /** Whether the configuration has an enabled plugin of that name. */
  readonly isPlugin: (name: string) => boolean;
}

export class NodeSurface implements PluginSurface {
  readonly #parts: SurfaceParts;
  readonly #owners = new Map<PluginInstance, InstanceOwner>();
  readonly #imports: PluginImports;

  constructor(parts: SurfaceParts) {
    this.#parts = parts;
    this.#imports = new PluginImports({
      registry: parts.registry,
      grace: (instance) => this.#grace(instance),
      isPlugin: parts.isPlugin,
    });
  }

  #grace({ limits }: Pick<PluginInstance, 'limits'>): number {
    return limits.reloadGrace ?? this.#parts.reloadGrace();
  }

  #owner(instance: PluginInstance): InstanceOwner {
    let owner = this.#owners.get(instance);
    if (owner === undefined) {
      const { secrets, pluginLog } = this.#parts;
      const capabilities = instance.reporting(secrets.capabilities(instance.name, instance.granted.secrets));
      owner = new InstanceOwner(instance, capabilities, pluginLog(instance.name));
      this.#owners.set(instance, owner);
    }
    return owner;
  }

  publish(next: PluginInstance, previous: PluginInstance | undefined): Promise<void> {
    const { endpoint, registry } = this.#parts;
    const owner = this.#owner(next);
    const old = previous && this.#owners.get(previous);
    // What can be refused without a change is refused first.
    registry.base.prepare(next.name, next.operations);
    const connections = previous === undefined ? endpoint.enable(next) : endpoint.replace(previous, next);
    try {
      registry.publish(owner, next.operations, old);
    } catch (error) {
      if (previous === undefined) void endpoint.disable(next);
      else void endpoint.replace(next, previous);
      this.#owners.delete(next);
      throw error;
    }
    return previous === undefined || old === undefined
      ? Promise.resolve()
      : this.#over(previous, old, connections ?? undefined);
  }

  withdraw(instance: PluginInstance): Promise<void> {
    const { endpoint, registry } = this.#parts;
    const owner = this.#owners.get(instance);
    if (owner === undefined) return Promise.resolve();
    registry.withdraw(owner);
    this.#imports.withdraw(instance);
    return this.#over(instance, owner, endpoint.disable(instance));
  }

  async #over(
    instance: PluginInstance,
    owner: InstanceOwner,
    connections: Promise<void> | undefined,
  ): Promise<void> {
    const calls = this.#parts.registry.drained(owner, this.#grace(instance));
    await Promise.all([connections, calls, this.#imports.drained(instance)]);
    this.#owners.delete(instance);
  }

  privilegeChanged(): void {
    // Read at each step: nothing is kept.
  }

  /** Secrets have changed: the next call sees the new ones, and so does who asks its `host`. */
  renewCapabilities(): void {
    for (const [instance, owner] of this.#owners) {
      try {
        const { secrets } = this.#parts;
        const now = instance.reporting(secrets.capabilities(instance.name, instance.granted.secrets));
        owner.renew(now);
        instance.renew(now.clone());
      } catch (error) {
        this.#parts.pluginLog(instance.name).error('secret is gone', {
          message: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }

  operations(instance: PluginInstance): HostOperations {
    const { registry, endpoint } = this.#parts;
    let caller: ReturnType<Registry['callerFor']> | undefined;
    const gateways = new CallerGateways(registry);
    const own = () => {
      caller ??= registry.callerFor(this.#owner(instance), instance.signal);
      return caller;
    };
    return Object.freeze<HostOperations>({
      invoke: (name, input, options) => own().invoke(name, input, options),
      subscribe: (name, input, options) => own().subscribe(name, input, options),
      publish: (prefix, kind, registrations) =>
        this.#imports.publish(instance, () => this.#owner(instance), prefix, kind, registrations),
      prepare: (registrations) => this.#imports.prepare(registrations),
      gateway: (auth, connection) => {
        if (!instance.granted.gateway) {
          instance.refusals.note('gateway', 'true');
          throw new CallError(
            'FORBIDDEN',
            `plugin ${instance.name} has no grant "gateway": add it to plugins.${instance.name}.grant`,
          );
        }
        if (endpoint.isAuthContext(auth)) return registry.gateway(auth);
        const known = connection && endpoint.callerOn(connection, auth.identity);
        if (known === undefined) {
          throw new CallError(
            'FORBIDDEN',
            'a gateway serves an AuthContext that the host made, or an identity that it gave out on a connection of it',
          );
        }
        return gateways.of(known);
      },
    });
  }

  dispatch(instance: PluginInstance, alpn: string, stream: Duplex, auth: DispatchAuth): Promise<CloseInfo> {
    // The endpoint refuses it.
    if (!dispatchGranted(instance.granted.dispatch, alpn)) instance.refusals.note('dispatch', alpn);
    return this.#parts.endpoint.dispatch(instance, alpn, stream, auth);
  }

  dial(instance: PluginInstance, alpn: string, target: string, options: DialRequest): Promise<Connection> {
    return this.#parts.endpoint.dial(this.#parts.resolveTarget(target), {
      ...options,
      alpn,
      owner: instance,
    });
  }
}
