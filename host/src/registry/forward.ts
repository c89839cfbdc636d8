/**
 * One call forwarded to a connected peer, and what its answer becomes here. `docs/spec/registry.md` 13.3.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import { CallError, type OperationContext, type OperationSpec, type RemoteCaller } from '@alknet/sdk';
import type { CallOptions } from '@alknet/sdk/call';
import type { PeerPolicy } from './connected-peers.ts';
import { callOf } from './handler-context.ts';

/** Where a leaf forwards to; read at each call. */
export interface Destination {
  /** What users call the peer, for messages. */
  readonly label: string;
  readonly remote: RemoteCaller | undefined;
  readonly policy: PeerPolicy;
}

/** Errors that were made of a remote's answer: they may leave an imported operation as they are. */
const forwarded = new WeakSet<CallError>();

export function isForwarded(error: unknown): error is CallError {
  return error instanceof CallError && forwarded.has(error);
}

const passedOn = new Set(['NOT_FOUND', 'FORBIDDEN', 'INVALID_INPUT', 'INVALID_OPERATION_TYPE', 'TIMEOUT']);

/**
 * The handler of an imported operation. `declared`: the codes that it may answer with, `undefined` for all.
 */
export function forwardingHandler(
  name: string,
  type: OperationSpec['type'],
  declared: ReadonlySet<string> | undefined,
  destination: () => Destination,
): (input: unknown, context: OperationContext) => unknown {
  if (type === 'subscription') {
    return async function* (input, context) {
      const { remote, options, wrong } = begin(destination(), context, declared);
      try {
        yield* remote.subscribe(name, input, options());
      } catch (error) {
        throw wrong(error);
      }
    };
  }
  return async (input, context) => {
    const { remote, options, wrong } = begin(destination(), context, declared);
    try {
      return await remote.call(name, input, options());
    } catch (error) {
      throw wrong(error);
    }
  };
}

function begin(
  { label, remote, policy }: Destination,
  context: OperationContext,
  declared?: ReadonlySet<string>,
) {
  if (remote === undefined) throw mark(new CallError('NOT_FOUND', `peer not connected: ${label}`));
  const { signal, deadline, caller } = context;
  return {
    remote,
    options: (): CallOptions => ({
      signal,
      hops: (callOf(context)?.facts.hops ?? 0) + 1,
      ...(deadline === undefined ? {} : { timeoutMs: Math.max(1, Math.ceil(deadline - performance.now())) }),
      ...(caller === null || !policy.forwardCaller ? {} : { forwardedFor: caller }),
      ...(policy.token === undefined ? {} : { authToken: policy.token }),
    }),
    wrong: (error: unknown) => mark(answered(error, label, declared, context)),
  };
}

function answered(
  error: unknown,
  label: string,
  declared: ReadonlySet<string> | undefined,
  context: OperationContext,
): CallError {
  if (!(error instanceof CallError)) {
    context.log.error('forwarding failed', { to: label, error });
    return new CallError('INTERNAL', 'internal error');
  }
  const { code, message, details, retryable } = error;
  if (passedOn.has(code)) return new CallError(code, `${label}: ${message}`, { details, retryable });
  if (code === 'ABORTED') {
    return context.signal.aborted ? error : new CallError('INTERNAL', `aborted by ${label}`);
  }
  if (code !== 'INTERNAL' && (declared === undefined || declared.has(code))) return error;
  if (isLoss(error)) return new CallError('INTERNAL', 'connection closed');
  context.log.warn('remote failed', { to: label, code, reason: message.slice(0, 200), ref: refOf(details) });
  return new CallError('INTERNAL', 'internal error');
}

/** Made on this side, of a connection or stream that ended; a remote's own INTERNAL has no cause. */
function isLoss({ code, message, cause }: CallError): boolean {
  return code === 'INTERNAL' && (cause !== undefined || /^(connection|stream) closed/.test(message));
}

function refOf(details: unknown): string {
  const ref =
    typeof details === 'object' && details !== null ? (details as { ref?: unknown }).ref : undefined;
  return typeof ref === 'string' ? ref.slice(0, 64) : '-';
}

function mark(error: CallError): CallError {
  forwarded.add(error);
  return error;
}
