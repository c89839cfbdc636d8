/**
 * `context.env`: operations composed by operations, under the privilege of the composing one. `docs/spec/registry.md` 8.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import {
  type AnyOperation,
  acceptInput,
  CallError,
  checkAccess,
  type InvokeOptions,
  notFound,
  type OperationEnv,
  type PeerCaller,
  patternReaches,
  type ReachPattern,
  Type,
} from '@alknet/sdk';
import { CallNode, maxDepth } from './call-node.ts';
import { runStream, runValue } from './executor.ts';
import { forwardingHandler } from './forward.ts';
import { type Overlay, sessionOverlay } from './overlay.ts';
import { noPrivilege, type Privilege, type Registration } from './registration.ts';
import type { Registry } from './registry.ts';
import { sealed } from './sealed.ts';
import { OperationStats } from './stats.ts';

/** What an operation may compose: leaves nothing, whatever their owner may; an adapter's hold the secret of their entry. */
export function privilegeOf({ provenance: { kind }, owner }: Registration): Privilege {
  if (kind === 'local' || kind === 'session') return owner.privilege;
  const { capabilities } = owner.privilege;
  return kind === 'call' || capabilities.length === 0 ? noPrivilege : { ...noPrivilege, capabilities };
}

interface Started {
  readonly node: CallNode;
  readonly accepted: unknown;
  unlisten(): void;
}

const anything = { check: () => undefined, codec: undefined };

/** What only the remote can check. */
function passing(operation: AnyOperation): Registration['compiled'] {
  return { operation, input: anything, output: anything, errors: new Map() };
}

function plain(name: string): string {
  return name.startsWith('/') ? name.slice(1) : name;
}

/** Whether a pattern reaches anything of that peer. */
function reachesPeer({ peer }: ReachPattern, id: string): boolean {
  return peer === '*' || peer === id;
}

export class Composition implements OperationEnv {
  readonly #registry: Registry;
  readonly #parent: CallNode;
  readonly #overlays: readonly Overlay[];

  constructor(registry: Registry, parent: CallNode, overlays: readonly Overlay[]) {
    this.#registry = registry;
    this.#parent = parent;
    this.#overlays = overlays;
    Object.freeze(this);
  }

  invoke(name: string, input?: unknown, options: InvokeOptions = {}): Promise<unknown> {
    return this.#invoke(() => this.#child(name, input, options, false));
  }

  subscribe(
    name: string,
    input?: unknown,
    options: InvokeOptions = {},
  ): AsyncGenerator<unknown, void, undefined> {
    return this.#subscribe(() => this.#child(name, input, options, true));
  }

  peer(id: string): PeerCaller {
    const { peers } = this.#registry;
    const child = (name: string, input: unknown, options: InvokeOptions, type: AnyOperation['type']) =>
      this.#start(this.#atPeer(id, plain(name), type), input, options, type === 'subscription');
    return Object.freeze({
      id,
      get connected() {
        return peers.find(id) !== undefined;
      },
      invoke: (name: string, input?: unknown, options: InvokeOptions = {}) =>
        this.#invoke(() => child(name, input, options, 'mutation')),
      subscribe: (name: string, input?: unknown, options: InvokeOptions = {}) =>
        this.#subscribe(() => child(name, input, options, 'subscription')),
    });
  }

  peers(name?: string): readonly string[] {
    const { reach } = privilegeOf(this.#parent.facts.registration);
    return this.#registry.peers
      .all()
      .filter((peer) => {
        if (name === undefined) return reach.some((pattern) => reachesPeer(pattern, peer.id));
        if (!reach.some((pattern) => patternReaches(pattern, plain(name), peer.id))) return false;
        // Not known yet: asked now, known the next time.
        peer.offers.get().catch(() => {});
        return peer.offers.known.some((operation) => operation.name === plain(name));
      })
      .map(({ id }) => id);
  }

  can(name: string): boolean {
    return this.#reaches(name) && this.#find(name) !== undefined;
  }

  with(operations: readonly AnyOperation[]): OperationEnv {
    const { kind } = this.#parent.facts.registration.provenance;
    if (kind !== 'local' && kind !== 'session') {
      throw new CallError('FORBIDDEN', 'an imported operation composes nothing');
    }
    const existing = this.#overlays.reduce((count, overlay) => count + overlay.size, 0);
    const overlay = sessionOverlay(this.#parent.facts.registration, operations, existing);
    return new Composition(this.#registry, this.#parent, [overlay, ...this.#overlays]);
  }

  /** Session operations are in reach of the env they were added to, by plain name. */
  #reaches(name: string): boolean {
    if (this.#overlays.some((overlay) => overlay.has(name))) return true;
    return privilegeOf(this.#parent.facts.registration).reach.some((pattern) =>
      patternReaches(pattern, name),
    );
  }

  #find(name: string): Registration | undefined {
    for (const overlay of this.#overlays) {
      const found = overlay.get(name);
      if (found !== undefined) return found;
    }
    return this.#registry.base.get(name);
  }

  async #invoke(start: () => Started): Promise<unknown> {
    try {
      const { node, accepted, unlisten } = start();
      await this.#parent.childSlot();
      try {
        const running = runValue(this.#registry, node, accepted);
        const output = await running.output;
        return this.#received(node.facts.registration, output);
      } finally {
        unlisten();
        this.#parent.childDone();
      }
    } catch (error) {
      throw this.#given(error);
    }
  }

  async *#subscribe(start: () => Started): AsyncGenerator<unknown, void, undefined> {
    let leave: (() => unknown) | undefined;
    try {
      const { node, accepted, unlisten } = start();
      await this.#parent.childSlot();
      const { values } = runStream(this.#registry, node, accepted);
      leave = () => {
        unlisten();
        this.#parent.childDone();
        return values.return?.();
      };
      for (;;) {
        const next = await values.next();
        if (next.done === true) return;
        yield this.#received(node.facts.registration, next.value);
      }
    } catch (error) {
      throw this.#given(error);
    } finally {
      leave?.();
    }
  }

  /** Checks 2 and 3 of `docs/spec/registry.md` 8.2. @throws CallError */
  #child(text: string, input: unknown, options: InvokeOptions, subscription: boolean): Started {
    const name = plain(text);
    const reached = this.#reaches(name);
    if (!reached) this.#parent.facts.registration.owner.reached?.({ operation: name });
    const registration = reached ? this.#find(name) : undefined;
    if (registration === undefined) throw notFound(name);
    return this.#start(registration, input, options, subscription);
  }

  /** What a connected peer offers under that name: it decides, and checks. @throws CallError */
  #atPeer(id: string, name: string, type: AnyOperation['type']): Registration {
    const { peers, base } = this.#registry;
    const { reach } = privilegeOf(this.#parent.facts.registration);
    const peer = peers.find(id);
    const reached =
      peer !== undefined &&
      reach.some((pattern) => patternReaches(pattern, name, peer.id) || patternReaches(pattern, name, id));
    if (peer !== undefined && !reached)
      this.#parent.facts.registration.owner.reached?.({ operation: `@${id}:${name}` });
    if (!reached) throw new CallError('NOT_FOUND', `peer not connected: ${id}`);
    const destination = () => ({
      label: id,
      remote: peers.find(id)?.remote,
      policy: peers.policy(peer.id),
    });
    const operation: AnyOperation = {
      name,
      type,
      access: 'public',
      input: Type.Unknown(),
      output: Type.Unknown(),
      handler: forwardingHandler(name, type, undefined, destination),
    };
    const { owner } = this.#parent.facts.registration;
    const provenance = {
      kind: 'call' as const,
      plugin: owner.provenance,
      source: `${peer.id} ${name}`,
      loadedAt: new Date().toISOString(),
      revision: base.revision,
    };
    return { operation, compiled: passing(operation), owner, provenance, stats: new OperationStats() };
  }

  /** Checks 1, 4 and 5 of `docs/spec/registry.md` 8.2. @throws CallError */
  #start(registration: Registration, input: unknown, options: InvokeOptions, subscription: boolean): Started {
    const parent = this.#parent;
    if (parent.reason !== undefined || parent.finished) throw new CallError('ABORTED', 'aborted');
    if (options.signal?.aborted) throw new CallError('ABORTED', 'aborted');
    if (parent.depth + 1 > maxDepth) throw new CallError('INTERNAL', 'composition too deep');
    const { operation, compiled, owner } = registration;
    const { authority } = privilegeOf(parent.facts.registration);
    const own = structuredClone(input === undefined ? null : input);
    const refusal = checkAccess(operation.access, authority, own, this.#registry.owns);
    if (refusal !== undefined) {
      this.#registry.refused(operation.name, authority, refusal, parent.root.facts.requestId);
      parent.facts.registration.owner.reached?.({ refusal: refusal.message });
      throw refusal;
    }
    const accepted = acceptInput(compiled, own);
    if ((operation.type === 'subscription') !== subscription) {
      const what = subscription ? 'not a' : 'a';
      throw new CallError('INVALID_OPERATION_TYPE', `${operation.name} is ${what} subscription`);
    }
    const node = new CallNode({
      registration,
      requestId: randomUUID(),
      parent,
      identity: sealed(authority),
      token: undefined,
      caller: parent.facts.caller,
      forwardedFor: null,
      connection: parent.facts.connection,
      hops: parent.facts.hops,
      // Nobody can put himself between another plugin and what it composes.
      overlays: owner === parent.facts.registration.owner ? this.#overlays : [],
      deadline: this.#deadline(operation, options.timeoutMs),
      onAbort: options.onAbort ?? parent.facts.onAbort,
      internal: true,
    });
    const onAbort = () => node.stop(new CallError('ABORTED', 'aborted'));
    options.signal?.addEventListener('abort', onAbort, { once: true });
    return { node, accepted, unlisten: () => options.signal?.removeEventListener('abort', onAbort) };
  }

  /** The parent's instant, unless an own one ends earlier. `docs/spec/registry.md` 8.4. */
  #deadline({ type, timeoutMs }: AnyOperation, asked: number | undefined): number | undefined {
    const inherited = this.#parent.facts.deadline;
    const subscription = type === 'subscription';
    const fallback = inherited === undefined && !subscription ? this.#registry.limits.callTimeout : undefined;
    const own = asked === undefined ? (timeoutMs ?? fallback) : Math.min(asked, timeoutMs ?? asked);
    if (own === undefined) return inherited;
    const at = performance.now() + own;
    return inherited === undefined ? at : Math.min(at, inherited);
  }

  /** An output travels by value. */
  #received({ compiled }: Registration, output: unknown): unknown {
    const copy = structuredClone(output);
    const { codec } = compiled.output;
    return codec === undefined ? copy : codec.decode(copy);
  }

  #given(error: unknown): unknown {
    if (error instanceof CallError) this.#parent.given(error);
    return error;
  }
}

// Plugins share the process: none may change what composes for another.
Object.freeze(Composition.prototype);
