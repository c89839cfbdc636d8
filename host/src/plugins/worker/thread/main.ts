/**
 * Runs in the thread of a plugin: one plugin, one port to the node, and nothing of the host's but what it asks for.
 *
 * @module
 */

import { getHeapStatistics } from 'node:v8';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import {
  type Capabilities,
  type LogLevel,
  noCapabilities,
  type OperationContext,
  type Plugin,
  type RunningPlugin,
} from '@alknet/sdk';
import { reviveError } from '../errors.ts';
import { Link } from '../link.ts';
import { Portables } from '../portable.ts';
import type { ContextData, HostMethods, Surroundings, ThreadData, ThreadMethods } from '../protocol.ts';
import type { Scope } from '../serving.ts';
import { threadCapabilities } from './capabilities.ts';
import { PortConnections } from './connections.ts';
import { type ContextParts, ThreadContext } from './context.ts';
import { ThreadOperations } from './gateway.ts';
import { ThreadHost } from './host.ts';
import { portableIdentities } from './identity-extension.ts';
import { threadLog } from './log.ts';
import { Handlers } from './operations.ts';
import { describePlugin, importPlugin } from './plugin-module.ts';
import { HostObjects } from './thread.ts';

const { port, answers, flags, beat } = workerData as ThreadData;

// The node looks whether the loop of this thread still turns, and what its buffers hold: V8 limits the heap alone.
setInterval(() => {
  Atomics.store(flags, 2, Math.min(getHeapStatistics().external_memory / 1024, 2 ** 31 - 1));
  Atomics.add(flags, 1, 1);
}, beat).unref();
Atomics.add(flags, 1, 1);

const link = new Link<ThreadMethods, HostMethods>(port, {
  port: answers,
  flags,
  receive: () => receiveMessageOnPort(answers)?.message,
});
// What was said last is not lost with the thread.
process.on('exit', () => link.flush());
process.on('uncaughtExceptionMonitor', () => link.flush());

const objects = new HostObjects(link);
const handlers = new Handlers();
const connections = new PortConnections(link, objects);
const threadOperations = new ThreadOperations(link, objects, connections, handlers);
const portables = new Portables(
  {
    functionCall: (id, args) => link.call('functionCall', [id, args]),
    functionOver: (lease) => link.tell('functionOver', lease),
    signalAborted: (id, reason) => link.tell('signalAborted', id, reason),
    body: (id) => link.iterate('body', [id]),
  },
  portableIdentities(objects),
);
const ending = new AbortController();
let plugin: Plugin | undefined;
let host: ThreadHost | undefined;
let surroundings: Surroundings | undefined;
let running: RunningPlugin<never> = {};
/** Of the plugin itself, the present one last: one that it has kept stays as it was. */
const capabilities: Capabilities[] = [];

const enabled = (level: LogLevel) => surroundings?.levels.includes(level) === true;
const parts: ContextParts = { link, objects, handlers, log: (call) => threadLog(link, call, enabled) };
const now = (): Surroundings => {
  if (surroundings === undefined) throw new Error('the plugin has not been started');
  return surroundings;
};

/** Runs a handler with its context, and forgets what belonged to its call alone. */
async function withContext<Result>(
  data: ContextData,
  scope: Scope,
  run: (context: OperationContext) => Promise<Result>,
): Promise<Result> {
  const session: number[] = [];
  try {
    return await run(new ThreadContext(parts, data, scope, session));
  } finally {
    handlers.forget(session);
  }
}

link.serve({
  load: async (_scope, url) => {
    const loaded = await importPlugin(url);
    if ('fault' in loaded) return loaded;
    plugin = loaded;
    return describePlugin(loaded, handlers, portables);
  },
  start: async (_scope, { config, surroundings: first, capabilities: bytes }) => {
    surroundings = first;
    capabilities.push(threadCapabilities(link, 0, bytes));
    const { signal } = ending;
    const log = threadLog(link, 0, enabled);
    const operations = threadOperations.host;
    host = new ThreadHost({
      link,
      objects,
      connections,
      portables,
      config,
      log,
      capabilities: () => capabilities.at(-1) ?? noCapabilities,
      operations,
      signal,
      surroundings: now,
    });
    running = (await plugin?.start?.(host.make())) ?? {};
    return {
      connection: running.connection !== undefined,
      configure: running.configure !== undefined,
      drain: running.drain !== undefined,
      stop: running.stop !== undefined,
    };
  },
  configure: async (_scope, config) => running.configure?.(config as never),
  drain: async () => running.drain?.(),
  stop: async () => {
    try {
      await running.stop?.();
    } finally {
      for (const each of capabilities) each.dispose();
    }
  },
  abort: (_scope, reason) => ending.abort(reviveError(reason)),
  surroundings: (_scope, next) => {
    surroundings = next;
  },
  capabilities: async (_scope, bytes) => void capabilities.push(threadCapabilities(link, 0, bytes)),

  operation: (scope, handler, input, data) =>
    withContext(data, scope, async (context) => handlers.run(handler, input, context)),
  subscription: (scope, handler, input, data) => subscription(scope, handler, input, data),
  forget: (_scope, numbers) => handlers.forget(numbers),

  connection: (_scope, data) => connections.serve(data, (connection) => running.connection?.(connection)),
  connectionStream: (_scope, connection, stream, id) => connections.arrived(connection, stream, id),
  connectionLetGo: (_scope, connection, reason) => connections.letGo(connection, reviveError(reason)),
  connectionClosed: (_scope, connection, info) => connections.closed(connection, info),
  dispatched: (_scope, stream) => host?.dispatched(stream),

  identitiesChanged: () => host?.identitiesChanged(),
  contributionsChanged: (_scope, surface, current) => host?.contributionsChanged(surface, current),
  ...threadOperations.served,

  functionCall: (_scope, id, args) => portables.call(id, args),
  functionOver: (_scope, lease) => portables.over(lease),
  signalAborted: (_scope, id, reason) => portables.aborted(id, reason),
  body: (_scope, id) => portables.body(id),
});

async function* subscription(scope: Scope, handler: number, input: unknown, data: ContextData) {
  const session: number[] = [];
  try {
    const values = handlers.run(handler, input, new ThreadContext(parts, data, scope, session));
    // The host has seen that the handler is an async generator.
    yield* values as AsyncGenerator<unknown, void, undefined>;
  } finally {
    handlers.forget(session);
  }
}
