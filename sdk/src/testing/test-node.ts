/**
 * A node in memory that runs one plugin, for its tests: no socket, no files but its data directory, every look at what
 * the plugin did.
 *
 * @example
 * const node = await createTestNode(plugin, { config: { greeting: 'hello' } });
 * assert.deepEqual(await node.call('greet/hello', { name: 'Ada' }), { text: 'hello, Ada' });
 * await node.stop();
 *
 * @module
 */

import { rm } from 'node:fs/promises';
import { type Client, makeClient, type OperationsOf, type PluginType } from '../call/client.ts';
import { CarriedConnection } from '../carried-connection.ts';
import type { Connection } from '../connection.ts';
import { CloseCode } from '../errors.ts';
import type { AuthContext, Identity } from '../identity.ts';
import type { GatewayCallOptions, Plugin, RunningPlugin } from '../plugin.ts';
import { connectionFromStream } from '../single-stream.ts';
import type { Store } from '../store.ts';
import type { LogLine } from './capture-log.ts';
import { connectionPair } from './connection-pair.ts';
import { duplexPair } from './duplex-pair.ts';
import {
  checkedConfig,
  type Dispatched,
  makeTestHost,
  type TestHost,
  type TestNodeOptions,
} from './test-host.ts';

export type { Dispatched, TestNodeOptions } from './test-host.ts';

/** Who calls or connects. */
export interface As {
  /** Default: nobody. */
  readonly identity?: Identity | null;
}

export interface ConnectOptions extends As {
  /** Needed when the plugin owns several. */
  readonly alpn?: string;
  readonly fingerprint?: string;
  /** One stream, as on TLS, instead of many, as on QUIC. */
  readonly singleStream?: boolean;
}

export interface TestNode<Of extends PluginType = PluginType> {
  /** Every line that the plugin has logged. */
  readonly log: readonly LogLine[];
  readonly dispatched: readonly Dispatched[];
  readonly store: Store;
  /** Handlers of calls and of connections that have begun and are not over. */
  running(): { readonly calls: number; readonly connections: number };
  /** One of the operations, as a wire call of `identity`. @throws CallError */
  call(name: string, input?: unknown, options?: GatewayCallOptions & As): Promise<unknown>;
  subscribe(name: string, input?: unknown, options?: GatewayCallOptions & As): AsyncIterable<unknown>;
  /** The operations of the plugin with their types, called by nobody or by `identity`. */
  client(as?: As): Client<OperationsOf<Of>>;
  /** The client's end of a connection that the plugin serves. */
  connect(options?: ConnectOptions): Connection;
  /** Hands the plugin a new config. @throws when the schema or the plugin refuses it */
  configure(config: unknown): Promise<void>;
  drain(): Promise<void>;
  /** Tells the plugin that `tokens` and `fingerprints` of the options have changed. */
  identitiesChanged(): void;
  /** Ends calls, connections and plugin. */
  stop(): Promise<void>;
}

/** @throws Error when the config does not fit, or what `start` throws */
export async function createTestNode<Of extends Plugin>(
  plugin: Of,
  options: TestNodeOptions = {},
): Promise<TestNode<Of>> {
  const controller = new AbortController();
  const made = makeTestHost(plugin, options, controller.signal);
  const running = (await plugin.start?.(made.host)) ?? {};
  if ((plugin.alpns ?? []).length > 0 && running.connection === undefined) {
    throw new Error(`plugin ${plugin.name} owns ALPNs, and start() returned no connection()`);
  }
  return new MemoryNode<Of>(plugin, running, made, controller);
}

class MemoryNode<Of extends Plugin> implements TestNode<Of> {
  readonly #plugin: Of;
  readonly #running: RunningPlugin<never>;
  readonly #made: TestHost;
  readonly #controller: AbortController;
  readonly #serving = new Map<Connection, Promise<void>>();
  /** A real node has sockets that keep the process alive; deadlines alone do not. */
  readonly #alive = setInterval(() => {}, 2 ** 30);

  constructor(plugin: Of, running: RunningPlugin<never>, made: TestHost, controller: AbortController) {
    this.#plugin = plugin;
    this.#running = running;
    this.#made = made;
    this.#controller = controller;
  }

  get log(): readonly LogLine[] {
    return this.#made.lines;
  }

  get dispatched(): readonly Dispatched[] {
    return this.#made.dispatched;
  }

  get store(): Store {
    return this.#made.store;
  }

  running() {
    return { calls: this.#made.operations.running, connections: this.#serving.size };
  }

  async call(name: string, input?: unknown, { identity = null, ...options }: GatewayCallOptions & As = {}) {
    return this.#made.operations.gateway({ identity, remote: null }).call(name, input, options);
  }

  subscribe(name: string, input?: unknown, { identity = null, ...options }: GatewayCallOptions & As = {}) {
    return this.#made.operations.gateway({ identity, remote: null }).subscribe(name, input, options);
  }

  client(as: As = {}): Client<OperationsOf<Of>> {
    return makeClient<OperationsOf<Of>>((this.#plugin.operations ?? []) as OperationsOf<Of>, {
      call: (name, input, options) => this.call(name, input, { ...options, ...as }),
      subscribe: (name, input, options) => each(this.subscribe(name, input, { ...options, ...as })),
    });
  }

  connect(options: ConnectOptions = {}): Connection {
    const { alpns = [], name } = this.#plugin;
    const alpn = options.alpn ?? (alpns.length === 1 ? alpns[0] : undefined);
    if (alpn === undefined || !alpns.includes(alpn)) {
      throw new Error(`connect: expected one of the ALPNs of ${name} (${alpns.join(', ')}), got ${alpn}`);
    }
    const [client, server] = options.singleStream ? singlePair(alpn, options) : manyPair(alpn, options);
    this.#serving.set(server, this.#serve(server));
    return client;
  }

  /** What the host does around `connection()`: `docs/spec/endpoint.md` 3. */
  async #serve(connection: Connection): Promise<void> {
    try {
      await this.#running.connection?.(connection);
      connection.close();
    } catch (error) {
      this.#made.host.log.error('connection failed', { connection: connection.id, error });
      connection.close(CloseCode.HANDLER_ERROR, 'handler error');
    } finally {
      this.#serving.delete(connection);
    }
  }

  async configure(config: unknown): Promise<void> {
    if (this.#running.configure === undefined) {
      throw new Error(`plugin ${this.#plugin.name} has no configure(): a new config means a new instance`);
    }
    await this.#running.configure(checkedConfig(this.#plugin, config) as never);
  }

  async drain(): Promise<void> {
    await this.#running.drain?.();
  }

  identitiesChanged(): void {
    this.#made.identitiesChanged();
  }

  async stop(): Promise<void> {
    clearInterval(this.#alive);
    this.#controller.abort(new Error('the test node stops'));
    for (const connection of this.#serving.keys()) {
      if (connection instanceof CarriedConnection) connection.letGo(new Error('the test node stops'));
      connection.close(CloseCode.SHUTDOWN, 'shutdown');
    }
    await Promise.all(this.#serving.values());
    await this.#running.stop?.();
    const directory = this.#made.directory();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function* each(values: AsyncIterable<unknown>): AsyncGenerator<unknown, undefined, undefined> {
  for await (const value of values) yield value;
}

function manyPair(alpn: string, { identity = null, fingerprint }: ConnectOptions) {
  const { client, server } = connectionPair(alpn, { client: { identity, fingerprint: fingerprint ?? null } });
  return [client, server] as const;
}

function singlePair(alpn: string, { identity = null, fingerprint }: ConnectOptions) {
  const [near, far] = duplexPair();
  const auth: AuthContext = {
    alpn,
    transport: 'tls',
    remote: null,
    fingerprint: fingerprint ?? null,
    identity,
  };
  const nobody = { ...auth, fingerprint: null, identity: null };
  return [
    connectionFromStream(near, { alpn, auth: nobody }),
    connectionFromStream(far, { alpn, auth }),
  ] as const;
}
