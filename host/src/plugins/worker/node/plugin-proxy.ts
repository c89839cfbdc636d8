/**
 * A plugin whose code runs in a thread, as the host knows plugins: what it defines is data, what it does is asked of the
 * thread. Nothing above this file can tell it from one that runs in the node's own thread.
 *
 * @module
 */

import type {
  Capabilities,
  Connection,
  LogLevel,
  Plugin,
  PluginHost,
  RunningPlugin,
  TSchema,
} from '@alknet/sdk';
import { encodeError } from '../errors.ts';
import { Portables } from '../portable.ts';
import type { DescribedPlugin, Surroundings } from '../protocol.ts';
import { serveComposition } from './composition.ts';
import { SharedConnections } from './connections.ts';
import { serveGateways } from './gateways.ts';
import { capabilityBytes, serveHost } from './host-services.ts';
import { identityExtension } from './identity-extension.ts';
import { OperationProxies } from './operations.ts';
import { RunningCalls } from './running-calls.ts';
import type { WorkerThread } from './worker-thread.ts';

const levels: readonly LogLevel[] = ['error', 'warn', 'notice', 'info', 'debug', 'trace'];

export function proxyPlugin(thread: WorkerThread, described: DescribedPlugin): Plugin {
  const { link } = thread;
  const connections = new SharedConnections(link);
  const calls = new RunningCalls(connections.identities);
  const proxies = new OperationProxies(link, calls);
  const portables = new Portables(
    {
      functionCall: (id, args) => link.call('functionCall', [id, args]),
      functionOver: (lease) => link.tell('functionOver', lease),
      signalAborted: (id, reason) => link.tell('signalAborted', id, reason),
      body: (id) => link.iterate('body', [id]),
    },
    identityExtension(connections.identities),
  );
  void thread.ended.then(() => connections.over());

  const start = async (host: PluginHost<never>): Promise<RunningPlugin> => {
    link.serve({
      ...serveHost({ host, link, calls, connections, portables }),
      ...serveComposition(calls, host.operations, proxies),
      ...serveGateways({ link, connections, operations: host.operations, proxies }),
      ...connections.serve(host),
    });
    host.signal.addEventListener('abort', () => link.tell('abort', encodeError(host.signal.reason)), {
      once: true,
    });
    const first = host.capabilities;
    const capabilities = capabilityBytes(first);
    const surroundings = surroundingsOf(host);
    const facts = { config: host.config, surroundings, capabilities: capabilities.value };
    const has = await link.call('start', [facts], { transfer: capabilities.buffers });
    followSurroundings(thread, host, surroundings, first);
    // One that has ended of itself has nothing left to stop.
    const ifAlive = async (ask: () => Promise<void>) => (thread.isOver ? undefined : ask());
    return {
      ...(has.connection
        ? { connection: (connection: Connection) => link.call('connection', [connections.share(connection)]) }
        : {}),
      ...(has.configure ? { configure: (config: unknown) => link.call('configure', [config]) } : {}),
      ...(has.drain ? { drain: () => ifAlive(() => link.call('drain', [])) } : {}),
      stop: () => ifAlive(() => link.call('stop', [])),
    };
  };

  // Checked by what loads it, as every module's default export is.
  const { name, version, alpns, config, requests, operations, contributes } = described;
  return Object.freeze({
    name: name as string,
    version: version as string,
    ...(alpns === undefined ? {} : { alpns: alpns as readonly string[] }),
    ...(config === undefined ? {} : { config: config as TSchema }),
    ...(requests === undefined ? {} : { requests }),
    ...(operations === undefined
      ? {}
      : { operations: operations.map((operation) => proxies.make(operation)) }),
    ...(contributes === undefined
      ? {}
      : { contributes: portables.decode(contributes) as Readonly<Record<string, unknown>> }),
    start,
  });
}

function surroundingsOf({ node, limits, log }: PluginHost<never>): Surroundings {
  const { frame, callsPerConnection, subscriptionsPerConnection } = limits;
  const { callTimeout, callTimeoutMax, bufferedPerConnection } = limits;
  return {
    node: { id: node.id, z32: node.z32, name: node.name, version: node.version },
    limits: {
      frame,
      callsPerConnection,
      subscriptionsPerConnection,
      callTimeout,
      callTimeoutMax,
      bufferedPerConnection,
    },
    levels: levels.filter((level) => log.enabled(level)),
  };
}

/** A changed configuration is in use within a second. */
function followSurroundings(
  thread: WorkerThread,
  host: PluginHost<never>,
  first: Surroundings,
  firstCapabilities: Capabilities,
): void {
  let told = JSON.stringify(first);
  let capabilities = firstCapabilities;
  thread.onLook = () => {
    if (host.capabilities !== capabilities) {
      capabilities = host.capabilities;
      const bytes = capabilityBytes(capabilities);
      // A thread that ends meanwhile is told on when it has started again.
      thread.link.call('capabilities', [bytes.value], { transfer: bytes.buffers }).catch(() => {});
    }
    const now = surroundingsOf(host);
    const text = JSON.stringify(now);
    if (text === told) return;
    told = text;
    thread.link.tell('surroundings', now);
  };
}
