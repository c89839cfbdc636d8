/**
 * One running call in its tree: deadline, signal, children. Abort and deadline of a parent reach every unfinished
 * descendant. `docs/spec/registry.md` 8.4.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import {
  CallError,
  type CallerConnection,
  deadline,
  type ForwardedFor,
  type Identity,
  type Placed,
} from '@alknet/sdk';
import type { Overlay } from './overlay.ts';
import type { Registration } from './registration.ts';

export const maxDepth = 32;
export const maxChildren = 1024;
/** Milliseconds after which a handler that ignores its signal is named in a warning. */
export const stuckAfter = 5_000;

export interface CallFacts {
  readonly registration: Registration;
  readonly requestId: string;
  readonly parent: CallNode | undefined;
  readonly identity: Identity | null;
  /** The bearer token on which the request rests. */
  readonly token: string | undefined;
  readonly caller: { readonly id: string; readonly displayName?: string } | null;
  readonly forwardedFor: ForwardedFor | null;
  readonly connection: CallerConnection | null;
  readonly hops: number;
  readonly overlays: readonly Overlay[];
  /** `performance.now()` milliseconds, or `undefined` for none. */
  readonly deadline: number | undefined;
  /** What an abort of the parent does. */
  readonly onAbort: 'abort' | 'finish';
  /** Composed: its identity is an authority, its input came from a handler. */
  readonly internal: boolean;
}

export class CallNode implements Placed {
  place = -1;
  readonly facts: CallFacts;
  readonly depth: number;
  readonly startedAt = performance.now();
  readonly root: CallNode;
  #controller: AbortController | undefined;
  #reason: CallError | undefined;
  #children: Set<CallNode> | undefined;
  #onStop: ((reason: CallError) => void) | undefined;
  #timer: { cancel(): void } | undefined;
  #finished = false;
  #fromChildren: WeakSet<Error> | undefined;
  /** Its handler has been called. Until then an abort of the parent stops it whatever `onAbort` says. */
  started = false;
  /** It has been counted and logged. */
  counted = false;
  /** Values that a subscription has given. */
  values = 0;
  /** Of a root: children running in the whole tree, and those that wait for one to end. */
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(facts: CallFacts) {
    this.facts = facts;
    this.depth = facts.parent === undefined ? 0 : facts.parent.depth + 1;
    this.root = facts.parent?.root ?? this;
    facts.parent?.adopt(this);
    if (facts.deadline !== undefined) {
      this.#timer = deadline(facts.deadline, () => this.stop(new CallError('TIMEOUT', 'request timed out')));
    }
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Why the call was stopped; `undefined` while it may go on. */
  get reason(): CallError | undefined {
    return this.#reason;
  }

  // Made when somebody looks: most handlers never do.
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** What is told when the call is stopped; at once if it has been. */
  set onStop(listener: (reason: CallError) => void) {
    this.#onStop = listener;
    if (this.#reason !== undefined) listener(this.#reason);
  }

  /** An error that a composed call gave this handler: what it does not handle must not name that operation outside. */
  given(error: Error): void {
    this.#fromChildren ??= new WeakSet();
    this.#fromChildren.add(error);
  }

  wasGiven(error: Error): boolean {
    return this.#fromChildren?.has(error) === true;
  }

  adopt(child: CallNode): void {
    this.#children ??= new Set();
    this.#children.add(child);
  }

  /** Stops this call and its descendants; those that may finish go on unless `all` says otherwise. */
  stop(reason: CallError, all = false): void {
    if (this.#reason !== undefined || this.#finished) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#onStop?.(reason);
    this.#stopChildren(reason, all);
    if (this.root === this) for (const wake of this.#waiting.splice(0)) wake();
  }

  #stopChildren(reason: CallError, all: boolean): void {
    const cause = reason.code === 'TIMEOUT' ? reason : new CallError('ABORTED', 'aborted');
    for (const child of this.#children ?? []) {
      if (all || child.facts.onAbort !== 'finish' || !child.started) child.stop(cause, all);
    }
  }

  /** The handler is over. Children that it left running are stopped, unless they may finish. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#timer?.cancel();
    if (this.#children !== undefined && this.#children.size > 0) {
      this.#stopChildren(new CallError('ABORTED', 'aborted'), false);
    }
    const { parent } = this.facts;
    if (parent === undefined) return;
    parent.#children?.delete(this);
  }

  /** A place among the children that run at once under one root. */
  async childSlot(): Promise<void> {
    const { root } = this;
    while (root.#running >= maxChildren && root.#reason === undefined) {
      await new Promise<void>((resolve) => root.#waiting.push(resolve));
    }
    root.#running++;
  }

  childDone(): void {
    const { root } = this;
    root.#running--;
    root.#waiting.shift()?.();
  }
}
