/**
 * What a page offers to its node. Unlike `serveOperations` it brings no validator, which would be several times the size
 * of all else: the node holds callers to the rules and schemas that are given here, the page to what it needs itself.
 *
 * @example
 * const serve = offer([
 *   { name: 'page/ask', type: 'mutation', access: 'public', handler: ({ text }) => confirm(text) },
 * ]);
 * const session = await connect('https://node.example', { token, serve });
 *
 * @module
 */

import { type Deadline, deadline } from '../call/deadlines.ts';
import { isObject } from '../call/envelope.ts';
import { defaultCallLimits } from '../call/limits.ts';
import type { Answer, IncomingCall, Server } from '../call/server.ts';
import type { CallerConnection } from '../context.ts';
import { CallError } from '../errors.ts';
import type { Access, OperationType } from '../operation.ts';

export interface OfferedContext {
  readonly requestId: string;
  /** Aborted when the node takes the call back, or the session is over. */
  readonly signal: AbortSignal;
  readonly connection: CallerConnection | null;
}

export interface OfferedOperation {
  readonly name: string;
  /** Default `query`. */
  readonly type?: OperationType;
  /** Which plugins of the node may call it. */
  readonly access: Access;
  readonly description?: string;
  /** JSON Schemas; absent: anything. */
  readonly input?: object;
  readonly output?: object;
  /** A subscription gives an async iterable, the others the output or a promise of it. */
  handler(input: never, context: OfferedContext): unknown;
}

/** Answers the node's calls, and tells it what there is (`docs/spec/http.md` 15.3). */
export function offer(operations: readonly OfferedOperation[]): Server {
  const offered = new Map([...discovery(operations), ...operations].map((each) => [each.name, each]));
  const timeout = (type: OperationType | undefined, asked: unknown) => {
    const own = typeof asked === 'number' && asked >= 1 ? asked : undefined;
    return own ?? (type === 'subscription' ? undefined : defaultCallLimits.callTimeout);
  };
  return {
    timeout: (name, asked) => timeout(offered.get(name)?.type, asked),
    serve(call) {
      const operation = offered.get(call.name);
      if (operation === undefined) throw new CallError('NOT_FOUND', `operation not found: ${call.name}`);
      if (call.window !== undefined && operation.type !== 'subscription')
        throw new CallError('INVALID_OPERATION_TYPE', `${call.name} is not a subscription`);
      return run(operation, call, timeout(operation.type, call.timeoutMs));
    },
  };
}

function run(operation: OfferedOperation, call: IncomingCall, timeout: number | undefined): Answer {
  const stop = new AbortController();
  const { signal } = stop;
  call.onAbort((reason) => stop.abort(reason));
  const timer: Deadline | undefined =
    timeout === undefined
      ? undefined
      : deadline(call.receivedAt + timeout, () => stop.abort(new CallError('TIMEOUT', 'request timed out')));
  const context = { requestId: call.id, signal, connection: call.connection };
  // What it takes stands in a schema that nobody here looks at.
  const handler = operation.handler as (input: unknown, context: OfferedContext) => unknown;
  const started = (async () => handler(call.input, context))();
  let interrupt: (reason: unknown) => void = () => {};
  signal.addEventListener('abort', () => interrupt(signal.reason), { once: true });
  /** What is waited for now: a race against one long promise would keep a reaction for each value. */
  const until = <Value>(work: Promise<Value>) =>
    new Promise<Value>((resolve, reject) => {
      interrupt = reject;
      if (signal.aborted) reject(signal.reason);
      work.then(resolve, (error: unknown) => reject(sendable(error)));
    });
  if (operation.type !== 'subscription') {
    const settled = started.then(
      () => timer?.cancel(),
      () => timer?.cancel(),
    );
    return { kind: 'value', output: until(started), settled };
  }
  let over: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    over = () => {
      timer?.cancel();
      resolve();
    };
  });
  const source = started.then((values) => iteratorOf(values, operation.name));
  const finish = async () => {
    const values = await source;
    await values.return?.();
  };
  const values: AsyncIterator<unknown, void, undefined> = {
    next: async () => {
      try {
        const next = await until(source.then((values) => values.next()));
        if (next.done !== true) return next;
        over();
        return { done: true, value: undefined };
      } catch (error) {
        finish().then(over, over);
        throw error;
      }
    },
    return: async () => {
      stop.abort(new CallError('ABORTED', 'aborted'));
      finish().then(over, over);
      return { done: true, value: undefined };
    },
  };
  return { kind: 'stream', values, settled };
}

function iteratorOf(values: unknown, name: string): AsyncIterator<unknown> {
  const iterator = typeof values === 'object' && values !== null && Reflect.get(values, Symbol.asyncIterator);
  if (typeof iterator !== 'function') throw new TypeError(`${name}: a subscription gives an async iterable`);
  return iterator.call(values);
}

/** What went wrong inside stays inside, unless it was meant to be told. */
function sendable(error: unknown): CallError {
  return error instanceof CallError ? error : new CallError('INTERNAL', 'internal error', { cause: error });
}

function discovery(operations: readonly OfferedOperation[]): OfferedOperation[] {
  const specs = new Map(operations.map((operation) => [operation.name, specOf(operation)]));
  const open = { type: 'query', access: 'public' } as const;
  return [
    {
      ...open,
      name: 'services/list',
      handler: (input: unknown) => ({
        operations: [...specs.values()].map(({ name, namespace, op_type, description, ...spec }) => ({
          ...{ name, namespace, op_type, description },
          ...(isObject(input) && input['schemas'] === true
            ? { spec: { name, namespace, op_type, description, ...spec } }
            : {}),
        })),
        revision: '1',
      }),
    },
    {
      ...open,
      name: 'services/schema',
      handler: (input: unknown) => {
        const name = isObject(input) ? String(input['name']).replace(/^\//, '') : '';
        const spec = specs.get(name);
        if (spec === undefined) throw new CallError('NOT_FOUND', `operation not found: ${name}`);
        return spec;
      },
    },
  ];
}

/** `docs/spec/registry.md` 12.2. */
function specOf({ name, type = 'query', access, description, input, output }: OfferedOperation) {
  const { scopes = [], anyScopes, resource } = typeof access === 'object' ? access : {};
  return {
    name,
    namespace: name.split('/')[0],
    op_type: type,
    visibility: 'external',
    input_schema: input ?? {},
    output_schema: output ?? {},
    error_schemas: [],
    access_control: {
      required_scopes: scopes,
      required_scopes_any: anyScopes ?? null,
      resource_type: resource?.type ?? null,
      resource_action: resource?.action ?? null,
      authenticated: access !== 'public',
      resource_list: resource?.list ?? false,
      resource_id_path: resource?.path ?? null,
    },
    description: description ?? '',
    timeout_ms: null,
  };
}
