/**
 * Runs a registered operation that has passed its checks: handler, deadline, abort, output check, error mapping, counts.
 * `docs/spec/registry.md` 6 and 8, `docs/spec/call.md` 12.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { CallError, checkOutput, startHandler, toSendable } from '@alknet/sdk';
import { type CallNode, stuckAfter } from './call-node.ts';
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
  let release: () => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    node.onStop = (reason) => {
      reject(reason);
      watchStuck(registry, node);
    };
  });
  stopped.catch(() => {});
  const start = () => {
    release = slots.release;
    const { reason } = node;
    if (reason !== undefined) throw reason;
    begin(node);
    return startHandler(node.facts.registration.compiled, input, new HandlerContext(registry, node));
  };
  // No turn is waited for when there is room, so that the requests of one stream start in their order.
  const handled = slots.tryAcquire() ? attempt(start) : slots.acquire(stopped).then(start);
  const settled = handled.then(
    () => {},
    () => {},
  );
  const output = Promise.race([handled, stopped]).then(
    (value) => {
      const checked = strictOutput(registry, node, value);
      end(registry, node, 'ok');
      return checked;
    },
    (error: unknown) => {
      throw failure(registry, node, error);
    },
  );
  output.catch((error: unknown) => end(registry, node, outcomeOf(node, error)));
  return {
    output,
    settled: settled.then(() => {
      release();
      node.finish();
      registry.left(node);
    }),
  };
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
  const stopped = new Promise<never>((_, reject) => {
    node.onStop = (reason) => {
      reject(reason);
      finishSource();
      watchStuck(registry, node);
    };
  });
  stopped.catch(() => {});
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
  const next = async (): Promise<IteratorResult<unknown, void>> => {
    try {
      if (source === undefined) {
        if (ended) return { done: true, value: undefined };
        if (!slots.tryAcquire()) await slots.acquire(stopped);
        begin(node);
        source = startHandler(
          node.facts.registration.compiled,
          input,
          new HandlerContext(registry, node),
        ) as typeof source;
        if (source === undefined) return { done: true, value: undefined };
      }
      const result = await Promise.race([source.next(), stopped]);
      if (result.done === true) {
        finishSource();
        end(registry, node, 'ok');
        return { done: true, value: undefined };
      }
      const value = strictOutput(registry, node, result.value);
      node.facts.registration.stats.value();
      return { done: false, value };
    } catch (error) {
      const sent = failure(registry, node, error);
      if (node.reason === undefined) node.stop(new CallError('ABORTED', 'aborted'));
      finishSource();
      end(registry, node, outcomeOf(node, sent));
      throw sent;
    }
  };
  return {
    settled,
    values: {
      next,
      return: async () => {
        const reason = new CallError('ABORTED', 'aborted');
        node.stop(reason);
        finishSource();
        end(registry, node, 'aborted');
        return { done: true, value: undefined };
      },
    },
  };
}

async function attempt(start: () => unknown): Promise<unknown> {
  return start();
}

const begun = new WeakSet<CallNode>();
const ended = new WeakSet<CallNode>();

function begin(node: CallNode): void {
  begun.add(node);
  node.facts.registration.stats.begin();
}

/** Counts and logs a finished call, once. `docs/spec/call.md` 14. */
function end(registry: Registry, node: CallNode, outcome: string): void {
  if (ended.has(node)) return;
  ended.add(node);
  const { registration, requestId, caller, forwardedFor, connection } = node.facts;
  const ms = performance.now() - node.startedAt;
  if (!begun.has(node)) registration.stats.begin();
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
  const composed = thrown instanceof CallError && node.fromChildren.has(thrown);
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
