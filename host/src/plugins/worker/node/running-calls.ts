/**
 * Handlers that run in the thread, and what of the host belongs to each of them.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';
import { CallError, type OperationContext, type OperationEnv, type PeerCaller } from '@alknet/sdk';
import { errorRef, markError } from '../errors.ts';
import type { GivenOut } from '../given.ts';
import type { Composer, ContextData } from '../protocol.ts';

interface RunningCall {
  readonly context: OperationContext;
  /** Made by `with`. */
  readonly envs: OperationEnv[];
  /** What composed calls of it failed with: a handler that passes one on passes on that very object. */
  readonly errors: Map<number, object>;
}

let errors = 0;

export class RunningCalls {
  readonly #calls = new Map<number, RunningCall>();
  readonly #identities: GivenOut<Identity>;
  #begun = 0;

  constructor(identities: GivenOut<Identity>) {
    this.#identities = identities;
  }

  begin(context: OperationContext): ContextData {
    const call = ++this.#begun;
    this.#calls.set(call, { context, envs: [], errors: new Map() });
    const { identity, connection, deadline } = context;
    return {
      call,
      operation: context.operation,
      requestId: context.requestId,
      parentId: context.parentId,
      identity: identity === null ? null : this.#identities.give(identity),
      caller: context.caller,
      forwardedFor: context.forwardedFor,
      internal: context.internal,
      deadline: deadline === undefined ? undefined : performance.timeOrigin + deadline,
      depth: context.depth,
      connection:
        connection === null
          ? null
          : { id: connection.id, transport: connection.transport, remote: connection.remote },
    };
  }

  end(call: number): void {
    this.#calls.delete(call);
  }

  context(call: number): OperationContext | undefined {
    return this.#calls.get(call)?.context;
  }

  /** @throws CallError `ABORTED` when the call is over */
  running(call: number): OperationContext {
    return this.#running(call).context;
  }

  env({ call, env, peer }: Composer): OperationEnv | PeerCaller {
    const { context, envs } = this.#running(call);
    const found = env === 0 ? context.env : envs[env - 1];
    if (found === undefined) throw new Error(`call ${call} has no env ${env}`);
    return peer === undefined ? found : found.peer(peer);
  }

  addEnv(call: number, env: OperationEnv): number {
    return this.#running(call).envs.push(env);
  }

  /** The error as it crosses, to be known again when the handler throws it. */
  given(call: number, error: unknown): unknown {
    const running = this.#calls.get(call);
    if (running === undefined || typeof error !== 'object' || error === null) return error;
    const ref = ++errors;
    running.errors.set(ref, error);
    markError(error, ref);
    return error;
  }

  /** The host's own object behind what the handler threw, if there is one. */
  original(call: number, thrown: unknown): unknown {
    const ref = errorRef(thrown);
    return (ref === undefined ? undefined : this.#calls.get(call)?.errors.get(ref)) ?? thrown;
  }

  #running(call: number): RunningCall {
    const running = this.#calls.get(call);
    if (running === undefined) throw new CallError('ABORTED', 'aborted');
    return running;
  }
}
