/**
 * What the conformance suite needs of a node that runs the plugin, so that the same suite judges a plugin in memory, in a
 * node, and in a worker of a node.
 *
 * @module
 */

import type { Connection } from '../../connection.ts';
import type { Identity } from '../../identity.ts';
import type { Plugin } from '../../plugin.ts';
import type { LogLine } from '../capture-log.ts';
import { createTestNode, type TestNodeOptions } from '../test-node.ts';

export interface CallAs {
  /** Who calls; `null` for nobody. */
  readonly identity: Identity | null;
  readonly signal?: AbortSignal;
}

export interface ConnectAs {
  readonly alpn: string;
  readonly identity: Identity | null;
  /** One stream, as on TLS, instead of many, as on QUIC. */
  readonly singleStream: boolean;
}

/** One plugin that runs. A {@link TestNode} is one. */
export interface PluginUnderTest {
  /** An external operation, as a wire call. @throws CallError */
  call(name: string, input: unknown, options: CallAs): Promise<unknown>;
  subscribe(name: string, input: unknown, options: CallAs): AsyncIterable<unknown>;
  /** The client's end of a connection that the plugin serves. */
  connect(options: ConnectAs): Promise<Connection> | Connection;
  /** Handlers of calls and of connections that have begun and are not over: promise unsettled, generator not returned. */
  running(): Promise<Running> | Running;
  /** Ends calls, connections and plugin; a second time as well. Resolves when the plugin's `stop()` has. */
  stop(): Promise<void>;
  /** Shown when a check fails. */
  readonly log?: readonly LogLine[];
}

export interface Running {
  readonly calls: number;
  readonly connections: number;
}

/** Runs the plugin as often as the suite asks; each time is a new instance. */
export interface ConformanceDriver {
  /** Stands in the titles of the tests: `in memory`, `inline`, `worker`. */
  readonly name: string;
  start(): Promise<PluginUnderTest>;
}

/** The in-memory node of this package. */
export function memoryDriver(plugin: Plugin, options: TestNodeOptions = {}): ConformanceDriver {
  return { name: 'in memory', start: () => createTestNode(plugin, options) };
}
