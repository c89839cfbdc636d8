/**
 * Answers the calls of a session with operations of a client, without a node: what a connected program offers to the
 * other side. Access is checked against the identity that the program gives the session.
 *
 * @example
 * const session = createSession(connection, { serve: serveOperations([greet]) });
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { checkAccess } from './access.ts';
import { deadline } from './call/deadlines.ts';
import { defaultCallLimits, maxHops, maxTimeout, maxWindow } from './call/limits.ts';
import type { Answer, IncomingCall, Server } from './call/server.ts';
import { type Capabilities, noCapabilities } from './capabilities.ts';
import type { OperationContext, OperationEnv, Resources } from './context.ts';
import { CallError } from './errors.ts';
import type { Identity } from './identity.ts';
import { type Log, silentLog } from './log.ts';
import type { AnyOperation } from './operation.ts';
import { checkOperation, OperationFault } from './operation-check.ts';
import {
  acceptInput,
  type CompiledOperation,
  checkOutput,
  compileOperation,
  startHandler,
  toSendable,
} from './run.ts';

export interface ServeOptions {
  /** Who the other side is; default: nobody, so that only `public` operations answer. */
  identity?: Identity | null;
  capabilities?: Capabilities;
  env?: OperationEnv;
  log?: Log;
}

/** @throws OperationFault */
export function serveOperations(operations: readonly AnyOperation[], options: ServeOptions = {}): Server {
  const compiled = new Map<string, CompiledOperation>();
  for (const operation of operations) {
    checkOperation(operation);
    if (compiled.has(operation.name)) throw new OperationFault(operation.name, 'given twice');
    compiled.set(operation.name, compileOperation(operation));
  }
  const log = options.log ?? silentLog;
  return {
    timeout: (name, timeoutMs) => callTimeout(compiled.get(name)?.operation, timeoutMs),
    serve: (call) => {
      const found = compiled.get(call.name);
      if (found === undefined || found.operation.visibility === 'internal') throw notFound(call.name);
      const refusal = checkAccess(found.operation.access, options.identity ?? null, call.input, () => false);
      if (refusal !== undefined) throw refusal;
      checkRequest(call);
      const input = acceptInput(found, call.input);
      checkKind(found.operation, call);
      return run(found, input, call, options, log);
    },
  };
}

export function notFound(name: string): CallError {
  return new CallError('NOT_FOUND', `operation not found: ${name}`);
}

/** Milliseconds from reception, `undefined` for none. `docs/spec/call.md` 9. */
export function callTimeout(
  operation: AnyOperation | undefined,
  asked: unknown,
  limits: { callTimeout: number; callTimeoutMax: number } = defaultCallLimits,
): number | undefined {
  const own = typeof asked === 'number' && asked >= 1 ? asked : undefined;
  if (operation?.type === 'subscription') return own && Math.min(own, maxTimeout);
  return Math.min(own ?? operation?.timeoutMs ?? limits.callTimeout, limits.callTimeoutMax);
}

/** Step 6 of `docs/spec/call.md` 6. @throws CallError */
export function checkRequest({ timeoutMs, window, hops }: IncomingCall): void {
  if (timeoutMs !== undefined && !(isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= maxTimeout)) {
    throw new CallError('INVALID_INPUT', 'invalid input: timeout_ms must be an integer from 1 to 2^31-1');
  }
  if (window !== undefined && !(isInteger(window) && window >= 0 && window <= maxWindow)) {
    throw new CallError('INVALID_INPUT', `invalid input: window must be an integer from 0 to ${maxWindow}`);
  }
  if (hops > maxHops) throw new CallError('INTERNAL', 'forwarded too often');
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

/** Step 8: a consumer of a subscription on something else. @throws CallError */
export function checkKind({ name, type }: AnyOperation, { window }: IncomingCall): void {
  if (window !== undefined && type !== 'subscription') {
    throw new CallError('INVALID_OPERATION_TYPE', `${name} is not a subscription`);
  }
}

function run(
  found: CompiledOperation,
  input: unknown,
  call: IncomingCall,
  options: ServeOptions,
  log: Log,
): Answer {
  const { operation } = found;
  const timeout = callTimeout(operation, call.timeoutMs);
  const at = timeout === undefined ? undefined : call.receivedAt + timeout;
  // One controller: a signal made by AbortSignal.any is kept as long as somebody listens to it, here for ever.
  const stop = new AbortController();
  const { signal } = stop;
  call.onAbort((reason) => stop.abort(reason));
  const timer =
    at === undefined
      ? undefined
      : deadline(at, () => stop.abort(new CallError('TIMEOUT', 'request timed out')));
  const context = makeContext(operation, call, options, log, at, signal);
  const report = (thrown: unknown) => {
    const ref = randomUUID().replaceAll('-', '').slice(0, 12);
    log.error('handler error', { operation: operation.name, ref, error: thrown });
    return ref;
  };
  const send = (output: unknown) => {
    const { value, issues } = checkOutput(found, output);
    if (issues === undefined) return value;
    log.error('output violation', { operation: operation.name, path: issues[0]?.path });
    throw new CallError('INTERNAL', 'internal error');
  };
  let interrupt: (reason: unknown) => void = () => {};
  signal.addEventListener('abort', () => interrupt(signal.reason), { once: true });
  /** The value that is waited for now: a race against one long promise would keep a reaction for each value. */
  const interruptible = <Value>(work: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      interrupt = reject;
      if (signal.aborted) reject(signal.reason);
      work.then(resolve, reject);
    });

  if (operation.type === 'subscription') {
    const source = startHandler(found, input, context) as AsyncGenerator<unknown, void, undefined>;
    let settle: () => void = () => {};
    const settled = new Promise<void>((resolve) => {
      settle = () => {
        timer?.cancel();
        resolve();
      };
    });
    const values: AsyncIterator<unknown, void, undefined> = {
      next: async () => {
        try {
          const next = await interruptible(source.next());
          if (next.done === true) {
            settle();
            return { done: true, value: undefined };
          }
          return { done: false, value: send(next.value) };
        } catch (error) {
          source.return().then(settle, settle);
          throw signal.aborted ? signal.reason : toSendable(found, error, false, report);
        }
      },
      return: async () => {
        stop.abort(new CallError('ABORTED', 'aborted'));
        source.return().then(settle, settle);
        return { done: true, value: undefined };
      },
    };
    return { kind: 'stream', values, settled };
  }

  const handled = (async () => startHandler(found, input, context))();
  const settled = handled.then(
    () => timer?.cancel(),
    () => timer?.cancel(),
  );
  const output = interruptible(handled).then(send, (error: unknown) => {
    throw signal.aborted ? signal.reason : toSendable(found, error, false, report);
  });
  return { kind: 'value', output, settled };
}

const refuse = () => Promise.reject(new CallError('FORBIDDEN', 'resources belong to a node'));

const noResources: Resources = {
  record: refuse,
  revoke: refuse,
  owns: async () => false,
  owned: async () => ({ all: false, ids: [] }),
};

/** Composition of a program without a node: nothing is within reach. */
export const noEnv: OperationEnv = {
  invoke: (name) => Promise.reject(notFound(name)),
  // biome-ignore lint/correctness/useYield: it fails before the first value
  async *subscribe(name) {
    throw notFound(name);
  },
  peer: (id) => ({ ...noEnv, id, connected: false }),
  peers: () => [],
  can: () => false,
  with: () => noEnv,
};

function makeContext(
  operation: AnyOperation,
  call: IncomingCall,
  options: ServeOptions,
  log: Log,
  at: number | undefined,
  signal: AbortSignal,
): OperationContext {
  const identity = options.identity ?? null;
  return Object.freeze({
    operation: operation.name,
    requestId: call.id,
    parentId: undefined,
    identity,
    caller: identity && { id: identity.id },
    forwardedFor: call.forwardedFor,
    internal: false,
    capabilities: options.capabilities ?? noCapabilities,
    env: options.env ?? noEnv,
    resources: noResources,
    metadata: new Map<string, unknown>(),
    deadline: at,
    signal,
    connection: call.connection,
    depth: 0,
    log: log.child({ operation: operation.name, id: call.id }),
  });
}
