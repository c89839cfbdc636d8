/**
 * Runs a registered operation that has passed its checks: handler, deadline, abort, output check, error mapping, counts.
 * `docs/spec/registry.md` 6 and 8, `docs/spec/call.md` 12.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { CallError, checkOutput, startHandler, toSendable } from '@alknet/sdk';
import { isAdapterFailure } from './adapter-failure.ts';
import { type CallNode, stuckAfter } from './call-node.ts';
import { isForwarded } from './forward.ts';
import { HandlerContext } from './handler-context.ts';
import type { Registry } from './registry.ts';

/** What runs: its answer, and when its handler is over. */
export interface RunningValue {
  readonly output: Promise<unknown>;
  readonly settled: Promise<void>;
}

export interface RunningStream {
  readonly values: AsyncIterator<unknown, void, undefined>;
  readonly settled: Promise<void>;
}

/** Runs a query or mutation. `output` settles at once on abort or deadline, `settled` with the handler. */
export function runValue(registry: Registry, node: CallNode, input: unknown): RunningValue {
  registry.entered(node);
  const slots = registry.slots(node.facts.registration.owner);
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  // One promise for the answer, not a chain of them: this is the path of every call.
  const output = new Promise<unknown>((resolve, reject) => {
    let release: () => void = () => {};
    let leaveQueue: (reason: CallError) => void = () => {};
    const over = () => {
      release();
      node.finish();
      registry.left(node);
      settle();
    };
    const failed = (error: unknown) => {
      const sent = failure(registry, node, error);
      reject(sent);
      end(registry, node, outcomeOf(node, sent));
    };
    const returned = (value: unknown) => {
      try {
        // Stopped before: it has been answered.
        if (node.reason === undefined) {
          resolve(strictOutput(registry, node, value));
          end(registry, node, 'ok');
        }
      } catch (error) {
        failed(error);
      }
      over();
    };
    const threw = (error: unknown) => {
      if (node.reason === undefined) failed(error);
      over();
    };
    const start = () => {
      release = slots.release;
      // Stopped between the turn in which its slot came free and this one.
      if (node.reason !== undefined) {
        over();
        return;
      }
      begin(node);
      const context = new HandlerContext(registry, node);
      let result: unknown;
      try {
        result = startHandler(node.facts.registration.compiled, input, context);
      } catch (error) {
        result = Promise.reject(error);
      }
      Promise.resolve(result).then(returned, threw);
    };
    // Not written as a literal at its place: V8 puts those that are given to a property among the old objects.
    const stopped = (reason: CallError) => {
      failed(reason);
      leaveQueue(reason);
      watchStuck(registry, node);
    };
    node.onStop = stopped;
    // No turn is waited for when there is room, so that the requests of one stream start in their order.
    if (node.reason === undefined && slots.tryAcquire()) start();
    else {
      const left = new Promise<never>((_, leave) => {
        leaveQueue = leave;
        if (node.reason !== undefined) leave(node.reason);
      });
      slots.acquire(left).then(start, over);
    }
  });
  return { output, settled };
}

/** Runs a subscription. Its iterator is asked for one value at a time. */
export function runStream(registry: Registry, node: CallNode, input: unknown): RunningStream {
  registry.entered(node);
  const slots = registry.slots(node.facts.registration.owner);
  let source: AsyncGenerator<unknown, void, undefined> | undefined;
  let ended = false;
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  /** Of the value that is waited for: a race against one long promise would keep a reaction for each value. */
  let interrupt: (reason: CallError) => void = () => {};
  const interruptible = <Value>(work: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      interrupt = reject;
      if (node.reason !== undefined) reject(node.reason);
      work.then(resolve, reject);
    });
  const over = () => {
    node.finish();
    registry.left(node);
    settle();
  };
  const finishSource = () => {
    if (ended) return;
    ended = true;
    // `return()` waits for what the generator awaits; its signal has told it.
    if (source === undefined) over();
    else source.return().then(over, over).finally(slots.release);
  };
  const stopped = (reason: CallError) => {
    interrupt(reason);
    finishSource();
    watchStuck(registry, node);
  };
  node.onStop = stopped;
  const done: IteratorResult<unknown, void> = { done: true, value: undefined };
  const fresh = async (): Promise<AsyncGenerator<unknown, void, undefined>> => {
    if (!slots.tryAcquire()) await slots.acquire(interruptible(new Promise<never>(() => {})));
    if (node.reason !== undefined) {
      slots.release();
      throw node.reason;
    }
    begin(node);
    const context = new HandlerContext(registry, node);
    return startHandler(node.facts.registration.compiled, input, context) as NonNullable<typeof source>;
  };
  const next = async (): Promise<IteratorResult<unknown, void>> => {
    if (node.counted) return done;
    try {
      if (node.reason !== undefined) throw node.reason;
      source ??= await fresh();
      const result = await interruptible(source.next());
      if (result.done === true) {
        finishSource();
        end(registry, node, 'ok');
        return done;
      }
      const value = strictOutput(registry, node, result.value);
      node.values++;
      node.facts.registration.stats.value();
      return { done: false, value };
    } catch (error) {
      const sent = failure(registry, node, error);
      end(registry, node, outcomeOf(node, sent));
      node.stop(new CallError('ABORTED', 'aborted'));
      finishSource();
      throw sent;
    }
  };
  return {
    settled,
    values: {
      next,
      return: async () => {
        end(registry, node, 'aborted');
        node.stop(new CallError('ABORTED', 'aborted'));
        finishSource();
        return done;
      },
    },
  };
}

function begin(node: CallNode): void {
  node.started = true;
  node.facts.registration.stats.begin();
}

/** Counts and logs a finished call, once. `docs/spec/call.md` 14. */
function end(registry: Registry, node: CallNode, outcome: string): void {
  if (node.counted) return;
  node.counted = true;
  const { registration, requestId, caller, forwardedFor, connection } = node.facts;
  const ms = performance.now() - node.startedAt;
  if (!node.started) registration.stats.begin();
  registration.stats.end(outcome, ms);
  registry.counts.end(outcome, node.facts.internal);
  if (!registry.log.enabled('debug')) return;
  registry.log.debug('call done', {
    connection: connection?.id ?? '-',
    id: node.root.facts.requestId,
    ...(node.depth > 0 ? { child: requestId } : {}),
    op: registration.operation.name,
    peer: caller?.id ?? '-',
    ...(forwardedFor === null ? {} : { for: forwardedFor.id }),
    ms: Math.round(ms * 100) / 100,
    outcome,
    ...(registration.operation.type === 'subscription' ? { values: node.values } : {}),
  });
}

function outcomeOf(node: CallNode, error: unknown): string {
  const { reason } = node;
  if (reason !== undefined && reason.code === 'ABORTED') {
    return reason.message === 'connection closed' || reason.message.startsWith('stream closed')
      ? 'lost'
      : 'aborted';
  }
  return error instanceof CallError ? error.code : 'INTERNAL';
}

function strictOutput(registry: Registry, node: CallNode, output: unknown): unknown {
  const { registration } = node.facts;
  const { value, issues } = checkOutput(registration.compiled, output);
  if (issues === undefined) return value;
  const strict = registration.provenance.kind === 'local' || registration.provenance.kind === 'session';
  registry.outputViolation(registration, issues[0]?.path ?? '', strict);
  if (!strict) return value;
  throw outputViolation;
}

/** Thrown for an output against its schema, which has been logged already. */
const outputViolation = new CallError('INTERNAL', 'internal error');

function failure(registry: Registry, node: CallNode, thrown: unknown): CallError {
  if (thrown === outputViolation) return outputViolation;
  const { reason } = node;
  if (reason !== undefined) return reason;
  const { registration } = node.facts;
  if (registration.provenance.kind === 'call' && isForwarded(thrown)) return thrown;
  if (isAdapterFailure(registration, thrown)) return thrown;
  const composed = thrown instanceof CallError && node.wasGiven(thrown);
  return toSendable(registration.compiled, thrown, composed, (error) => {
    const ref = randomBytes(9).toString('base64url');
    registry.log.error('handler error', {
      operation: registration.operation.name,
      plugin: registration.owner.name,
      peer: node.facts.caller?.id ?? '-',
      id: node.root.facts.requestId,
      ref,
      error,
    });
    return ref;
  });
}

/** Names a handler that goes on after its signal. */
function watchStuck(registry: Registry, node: CallNode): void {
  setTimeout(() => {
    if (node.finished) return;
    registry.log.warn('handler ignores its signal', {
      operation: node.facts.registration.operation.name,
      plugin: node.facts.registration.owner.name,
      id: node.root.facts.requestId,
    });
  }, stuckAfter).unref();
}
