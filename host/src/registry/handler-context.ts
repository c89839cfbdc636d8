/**
 * What a handler gets beside its input. Members are made when they are looked at; nothing can be set or added.
 * `docs/spec/registry.md` 7.
 *
 * @module
 */

import type {
  CallerConnection,
  Capabilities,
  ForwardedFor,
  Identity,
  Log,
  OperationContext,
  OperationEnv,
  Resources,
} from '@alknet/sdk';
import type { CallNode } from './call-node.ts';
import { Composition } from './composition.ts';
import type { Registry } from './registry.ts';
import { resourcesFor } from './resources.ts';
import { reachedFrom } from './session-overlay.ts';

let nodeOf: (context: object) => CallNode | undefined;

/** The running call behind a context that the host made. */
export function callOf(context: OperationContext): CallNode | undefined {
  return nodeOf(context);
}

export class HandlerContext implements OperationContext {
  readonly #registry: Registry;
  readonly #node: CallNode;
  #capabilities: Capabilities | undefined;
  #env: OperationEnv | undefined;
  #resources: Resources | undefined;
  #metadata: Map<string, unknown> | undefined;
  #log: Log | undefined;

  constructor(registry: Registry, node: CallNode) {
    this.#registry = registry;
    this.#node = node;
    Object.freeze(this);
  }

  // Not a member: plugins must not find it on the object or its class.
  static {
    nodeOf = (context) => (#node in context ? context.#node : undefined);
  }

  get operation(): string {
    return this.#node.facts.registration.operation.name;
  }

  get requestId(): string {
    return this.#node.facts.requestId;
  }

  get parentId(): string | undefined {
    return this.#node.facts.parent?.facts.requestId;
  }

  get identity(): Identity | null {
    return this.#node.facts.identity;
  }

  get caller(): { readonly id: string; readonly displayName?: string } | null {
    return this.#node.facts.caller;
  }

  get forwardedFor(): ForwardedFor | null {
    return this.#node.facts.forwardedFor;
  }

  get internal(): boolean {
    return this.#node.facts.internal;
  }

  get capabilities(): Capabilities {
    // A copy for this call: one that is disposed of, or outlives a change of secrets, disturbs no other.
    this.#capabilities ??= this.#node.facts.registration.owner.capabilities.clone();
    return this.#capabilities;
  }

  get env(): OperationEnv {
    this.#env ??= new Composition(this.#registry, this.#node, this.#node.facts.overlays);
    return this.#env;
  }

  get resources(): Resources {
    const { owner } = this.#node.facts.registration;
    this.#resources ??= resourcesFor(
      this.#registry.ownership,
      this.identity,
      this.#registry.resourceTypes(owner),
      owner.name,
    );
    return this.#resources;
  }

  get metadata(): Map<string, unknown> {
    this.#metadata ??= new Map();
    return this.#metadata;
  }

  get deadline(): number | undefined {
    return this.#node.facts.deadline;
  }

  get signal(): AbortSignal {
    return this.#node.signal;
  }

  get connection(): CallerConnection | null {
    return reachedFrom(this.#node, this.#node.facts.connection);
  }

  get depth(): number {
    return this.#node.depth;
  }

  get log(): Log {
    this.#log ??= this.#node.facts.registration.owner.log.child({
      operation: this.operation,
      id: this.#node.root.facts.requestId,
      peer: this.caller?.id ?? '-',
    });
    return this.#log;
  }
}

// Plugins share the process: none may change what the handlers of another see.
Object.freeze(HandlerContext.prototype);
