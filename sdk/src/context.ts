/**
 * What a handler gets beside its input. `docs/spec/registry.md` 7 and 8.
 *
 * @module
 */

import type { Capabilities } from './capabilities.ts';
import type { ForwardedFor, Identity, RemoteAddress } from './identity.ts';
import type { Log } from './log.ts';
import type { AnyOperation } from './operation.ts';

export interface InvokeOptions {
  /** Shortens the deadline, never lengthens it beyond the parent's. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** What an abort of the parent does to this child: `abort` (default) or let it `finish`. */
  onAbort?: 'abort' | 'finish';
}

/** Calls by name. */
export interface Caller {
  /** Output of a query or mutation. @throws CallError */
  invoke(name: string, input?: unknown, options?: InvokeOptions): Promise<unknown>;
  /** Values of a subscription, with back-pressure to the source. @throws CallError, from the iterator */
  subscribe(name: string, input?: unknown, options?: InvokeOptions): AsyncIterable<unknown>;
}

export interface PeerCaller extends Caller {
  readonly id: string;
  readonly connected: boolean;
}

/** Composition by the operation's own privilege. */
export interface OperationEnv extends Caller {
  peer(id: string): PeerCaller;
  /** Ids of connected peers in reach; with a name, of those that offer it. Oldest connection first. */
  peers(name?: string): readonly string[];
  /** Whether `invoke` or `subscribe` would find it. */
  can(name: string): boolean;
  /** A new env in which these operations shadow the base, for this tree only. `docs/spec/registry.md` 10. */
  with(operations: readonly AnyOperation[]): OperationEnv;
}

/** Ownership of things made at run time. `docs/spec/registry.md` 9. */
export interface Resources {
  record(type: string, id: string): Promise<void>;
  revoke(type: string, id: string): Promise<void>;
  owns(type: string, id: string): Promise<boolean>;
  owned(type: string): Promise<{ all: boolean; ids: string[] }>;
}

/** The session that a call came in on, and the way to call the other side of it. */
export interface CallerConnection {
  readonly id: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  call(
    name: string,
    input?: unknown,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<unknown>;
  subscribe(
    name: string,
    input?: unknown,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): AsyncIterable<unknown>;
}

/** Frozen; only the host makes one. */
export interface OperationContext {
  readonly operation: string;
  readonly requestId: string;
  readonly parentId: string | undefined;
  /** The caller of a wire call; the parent's authority in a composed one. */
  readonly identity: Identity | null;
  /** The root's caller, unchanged down the tree. For audit, never for access. */
  readonly caller: { readonly id: string; readonly displayName?: string } | null;
  readonly forwardedFor: ForwardedFor | null;
  /** Whether this call is composed. */
  readonly internal: boolean;
  readonly capabilities: Capabilities;
  readonly env: OperationEnv;
  readonly resources: Resources;
  readonly metadata: Map<string, unknown>;
  /** `performance.now()` milliseconds, or `undefined` for none. */
  readonly deadline: number | undefined;
  readonly signal: AbortSignal;
  readonly connection: CallerConnection | null;
  readonly depth: number;
  readonly log: Log;
}
