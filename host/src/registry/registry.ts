/**
 * The registry of a node: every operation, who may call it, and what is running.
 *
 * @module
 */

import type {
  AnyOperation,
  AuthContext,
  CallError,
  Caller,
  Identity,
  Log,
  Owns,
  RemoteAddress,
  Store,
} from '@alknet/sdk';
import { CallError as Refusal, Roster } from '@alknet/sdk';
import { Base, type Import } from './base.ts';
import type { CallNode } from './call-node.ts';
import { ConnectedPeers } from './connected-peers.ts';
import { discoveryOperations } from './discovery.ts';
import { RegistryGateway } from './gateway.ts';
import { inspectionOperation } from './inspection.ts';
import { ownerCaller } from './owner-caller.ts';
import type { ImportKind, Owner, Registration } from './registration.ts';
import { Ownership } from './resources.ts';
import { Slots } from './slots.ts';

/** What the registry asks of identity. */
export interface Identities {
  /** The rights of that identity now, `null` when it has none any more. Objects that are no peer's come back as they are. */
  current(identity: Identity): Identity | null;
  resolveToken(token: string, remote: RemoteAddress | null): Identity | undefined;
  /** Peers or tokens have changed. */
  onChange(listener: () => void): () => void;
}

export interface RegistryOptions {
  readonly identities: Identities;
  /** Of the registry's own namespace. */
  readonly store: Store;
  /** Milliseconds; read at each use. */
  readonly limits: { readonly callTimeout: number; readonly callTimeoutMax: number };
  readonly log: Log;
}

/** Requests by outcome, and what runs now. */
export class CallCounts {
  running = 0;
  readonly byOutcome: Record<string, number> = {};

  end(outcome: string, internal: boolean): void {
    if (!internal) this.byOutcome[outcome] = (this.byOutcome[outcome] ?? 0) + 1;
  }
}

const violationLogPeriod = 3_600_000;

export class Registry {
  readonly base = new Base();
  readonly identities: Identities;
  readonly ownership: Ownership;
  readonly limits: RegistryOptions['limits'];
  readonly log: Log;
  readonly counts = new CallCounts();
  readonly peers = new ConnectedPeers();
  readonly owns: Owns;
  readonly #slots = new WeakMap<Owner, Slots>();
  readonly #running = new Roster<CallNode>();
  readonly #idle = new Map<Owner, () => void>();
  /** Kept by owner, since calls in flight outlive the registration of their operation. */
  readonly #resourceTypes = new WeakMap<Owner, ReadonlySet<string>>();
  readonly #violations = new WeakMap<Registration, number>();
  readonly #stopIdentities: () => void;
  /** Of the base, when peers or tokens changed last. */
  #rightsChangedAt = 0;

  constructor(options: RegistryOptions) {
    this.identities = options.identities;
    this.ownership = new Ownership(options.store);
    this.limits = options.limits;
    this.log = options.log;
    this.owns = (identity, type, id) => this.ownership.owns(identity, type, id);
    this.#stopIdentities = this.identities.onChange(() => {
      this.#rightsChangedAt = this.base.count;
      this.#recheckTokens();
    });
  }

  /** Reads who owns what. */
  async load(): Promise<void> {
    await this.ownership.load();
  }

  close(): void {
    this.#stopIdentities();
    for (const node of this.#running) node.stop(new Refusal('ABORTED', 'aborted'), true);
  }

  // ── publications ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The host's own operations, discovery among them. */
  publishHost(owner: Owner, operations: readonly AnyOperation[]): void {
    this.publish(owner, [...discoveryOperations(this), inspectionOperation(this), ...operations]);
  }

  /** @throws OperationFault, PublicationRefused; nothing is registered then. */
  publish(owner: Owner, operations: readonly AnyOperation[], replaces?: Owner): void {
    const before = replaces === undefined ? 0 : this.base.of(replaces).length;
    const prepared = this.base.prepare(owner.name, operations);
    if (prepared.length === 0 && before === 0) return;
    try {
      const { revision } = this.base.publish(owner, prepared, 'local', replaces);
      this.#resourceTypes.set(owner, typesOf(operations));
      this.log.info('registry published', {
        owner: owner.name,
        revision,
        added: prepared.length,
        replaced: before,
      });
    } catch (error) {
      this.log.error('registration refused', {
        owner: owner.name,
        fault: error instanceof Error ? error.message : String(error),
      });
      throw error;
    }
  }

  /**
   * Puts what an owner imported in the place of what it, or `replaces`, had imported.
   * @throws OperationFault, PublicationRefused
   */
  publishImports(
    owner: Owner,
    imports: readonly Import[],
    kind: ImportKind = 'call',
    replaces: Owner = owner,
  ): void {
    const before = this.base.of(replaces).length;
    const prepared = this.base.prepareImports(imports);
    if (prepared.length === 0 && before === 0) return;
    const { revision } = this.base.publish(owner, prepared, kind, replaces);
    this.log.info('registry published', {
      owner: owner.name,
      revision,
      added: prepared.length,
      replaced: before,
    });
  }

  /** Takes an owner's operations away; calls in flight go on until `abortCalls`. */
  withdraw(owner: Owner): void {
    const change = this.base.withdraw(owner);
    if (change !== undefined) {
      this.log.info('registry published', {
        owner: owner.name,
        revision: change.revision,
        removed: change.before.size,
      });
    }
  }

  /** Aborts what still runs on an owner's code, when its grace is over. */
  abortCalls(owner: Owner): void {
    for (const node of this.#running) {
      if (node.facts.registration.owner === owner)
        node.stop(new Refusal('ABORTED', 'aborted by the other side'));
    }
  }

  /** Handler runs of an owner now. */
  running(owner: Owner): number {
    return this.slots(owner).calls;
  }

  /** Subscriptions that run now. */
  runningSubscriptions(): number {
    let count = 0;
    for (const { facts } of this.#running) if (facts.registration.operation.type === 'subscription') count++;
    return count;
  }

  /** Requests of the other side that run now, by connection. */
  callsByConnection(): ReadonlyMap<string, number> {
    const calls = new Map<string, number>();
    for (const { depth, facts } of this.#running) {
      const id = facts.connection?.id;
      if (depth === 0 && id !== undefined) calls.set(id, (calls.get(id) ?? 0) + 1);
    }
    return calls;
  }

  /** Resolves when nothing runs on an owner's code any more; what is left after `grace` milliseconds is aborted. */
  async drained(owner: Owner, grace: number): Promise<void> {
    if (this.running(owner) === 0) return;
    const over = new Promise<void>((resolve) => this.#idle.set(owner, resolve));
    const timer = setTimeout(() => this.abortCalls(owner), grace);
    await over;
    clearTimeout(timer);
  }

  /** Composition outside any call, by an owner's own privilege. `signal` ends what it started. */
  callerFor(owner: Owner, signal: AbortSignal): Caller {
    return ownerCaller(this, owner, signal);
  }

  /** Whether somebody's rights may have changed since that revision. */
  rightsChangedSince(revision: string): boolean {
    return Number(revision.split('.')[1]) <= this.#rightsChangedAt;
  }

  // ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

  gateway(auth: AuthContext): RegistryGateway {
    return new RegistryGateway(this, auth);
  }

  slots(owner: Owner): Slots {
    let slots = this.#slots.get(owner);
    if (slots === undefined) {
      slots = new Slots(() => owner.concurrency);
      this.#slots.set(owner, slots);
    }
    return slots;
  }

  entered(node: CallNode): void {
    this.#running.add(node);
    this.slots(node.facts.registration.owner).calls++;
    this.counts.running++;
  }

  left(node: CallNode): void {
    if (!this.#running.delete(node)) return;
    this.counts.running--;
    const { owner } = node.facts.registration;
    if (--this.slots(owner).calls > 0) return;
    this.#idle.get(owner)?.();
    this.#idle.delete(owner);
  }

  /** A request that rests on a bearer token ends when that does. */
  #recheckTokens(): void {
    for (const node of this.#running) {
      const { token } = node.facts;
      if (token === undefined || this.identities.resolveToken(token, null) !== undefined) continue;
      node.stop(new Refusal('ABORTED', 'aborted by the other side'));
    }
  }

  /** Types that the owner's operations name, which it may record owners of. */
  resourceTypes(owner: Owner): ReadonlySet<string> {
    return this.#resourceTypes.get(owner) ?? new Set();
  }

  // ── records ────────────────────────────────────────────────────────────────────────────────────────────────────

  refused(operation: string, identity: Identity | null, { code, message }: CallError, id: string): void {
    this.log.info('access refused', { operation, peer: identity?.id ?? '-', code, reason: message, id });
  }

  /** Own code is an error each time; a remote's is told once an hour. */
  outputViolation(registration: Registration, path: string, strict: boolean): void {
    const fields = { operation: registration.operation.name, plugin: registration.owner.name, path };
    if (strict) return this.log.error('output violation', fields);
    const last = this.#violations.get(registration) ?? 0;
    if (Date.now() - last < violationLogPeriod) return;
    this.#violations.set(registration, Date.now());
    this.log.warn('output violation', fields);
  }
}

function typesOf(operations: readonly AnyOperation[]): ReadonlySet<string> {
  const types = new Set<string>();
  for (const { access } of operations) {
    if (typeof access === 'object' && access.resource?.type !== undefined) types.add(access.resource.type);
  }
  return types;
}
