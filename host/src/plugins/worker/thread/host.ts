/**
 * What `start(host)` of a plugin in its thread gets: the same members, each of which asks the node. `docs/spec/config.md`
 * 6.5.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type {
  Capabilities,
  CloseInfo,
  Contribution,
  Contributions,
  DispatchAuth,
  Log,
  Metrics,
  PluginHost,
  Store,
} from '@alknet/sdk';
import type { Portables } from '../portable.ts';
import type { ConnectionData, DispatchData, Surroundings } from '../protocol.ts';
import { StreamPump } from '../stream-pump.ts';
import type { PortConnections } from './connections.ts';
import type { HostLink, HostObjects } from './thread.ts';

export interface ThreadHostParts {
  readonly link: HostLink;
  readonly objects: HostObjects;
  readonly connections: PortConnections;
  readonly portables: Portables;
  readonly config: unknown;
  readonly log: Log;
  /** As they are now. */
  capabilities(): Capabilities;
  readonly operations: PluginHost['operations'];
  readonly signal: AbortSignal;
  /** As they are now. */
  surroundings(): Surroundings;
}

export class ThreadHost {
  readonly #parts: ThreadHostParts;
  readonly #contributions = new Map<string, ThreadContributions>();
  /** `undefined` as long as nobody has asked. */
  #identityListeners: Set<() => void> | undefined;
  readonly #dispatched = new Map<number, StreamPump>();
  #streams = -1;

  constructor(parts: ThreadHostParts) {
    this.#parts = parts;
  }

  /** What the plugin is given. */
  make(): PluginHost<never> {
    const { link, objects, surroundings, connections } = this.#parts;
    const { config, log, capabilities, operations, signal } = this.#parts;
    return Object.freeze<PluginHost<never>>({
      // Checked against the plugin's own schema by the host.
      config: config as never,
      log,
      store: threadStore(this.#parts),
      get dataDir() {
        return link.callSync('dataDir');
      },
      get node() {
        return surroundings().node;
      },
      limits: liveLimits(surroundings),
      identity: Object.freeze<PluginHost['identity']>({
        resolveToken: (token, remote) => {
          const given = link.callSync('resolveToken', token, remote);
          return given && objects.identity(given);
        },
        resolveFingerprint: (fingerprint) => {
          const given = link.callSync('resolveFingerprint', fingerprint);
          return given && objects.identity(given);
        },
        onChange: (listener) => {
          if (this.#identityListeners === undefined) {
            this.#identityListeners = new Set();
            link.tell('watchIdentities');
          }
          // One that is given twice is told twice.
          const entry = () => listener();
          this.#identityListeners.add(entry);
          return () => void this.#identityListeners?.delete(entry);
        },
      }),
      get capabilities() {
        return capabilities();
      },
      operations,
      metrics: threadMetrics(this.#parts),
      signal,
      dispatch: (alpn, stream, auth) => this.#dispatch(alpn, stream, auth),
      dial: async (target, { signal: aborted, ...options } = {}) => {
        const data: ConnectionData = await link.call('dial', [target, options], { signal: aborted });
        return connections.take(data);
      },
      contributions: (surface) => this.#surface(surface),
    });
  }

  /** The stream of a dispatch has a reader. */
  dispatched(number: number): void {
    this.#dispatched.get(number)?.start();
  }

  identitiesChanged(): void {
    for (const listener of [...(this.#identityListeners ?? [])]) listener();
  }

  contributionsChanged(surface: string, now: readonly unknown[]): void {
    this.#contributions.get(surface)?.change(now);
  }

  async #dispatch(alpn: string, stream: Duplex, auth: DispatchAuth): Promise<CloseInfo> {
    const { link, objects, connections } = this.#parts;
    // Odd; the host's numbers are even.
    this.#streams += 2;
    const number = this.#streams;
    const pump = new StreamPump(link, number, stream);
    this.#dispatched.set(number, pump);
    const { identity, fingerprint = null, remote = null, transport, parent } = auth;
    const data: DispatchData = {
      identity: objects.identityData(identity),
      fingerprint,
      remote,
      transport,
      parent: parent && connections.numberOf(parent),
    };
    try {
      return await link.call('dispatch', [alpn, number, idOf(stream), data]);
    } catch (error) {
      pump.release();
      throw error;
    } finally {
      this.#dispatched.delete(number);
    }
  }

  #surface(surface: string): Contributions {
    const { link, portables, signal } = this.#parts;
    let known = this.#contributions.get(surface);
    if (known === undefined) {
      // Refused here if the surface is not the plugin's own.
      const now = link.callSync('contributions', surface);
      known = new ThreadContributions(portables, now);
      this.#contributions.set(surface, known);
    }
    return known.view(signal);
  }
}

function idOf(stream: Duplex & { readonly id?: unknown }): number {
  return typeof stream.id === 'number' ? stream.id : 0;
}

/** Members that are read at each use. */
function liveLimits(now: () => Surroundings): PluginHost['limits'] {
  return Object.freeze<PluginHost['limits']>({
    get frame() {
      return now().limits.frame;
    },
    get callsPerConnection() {
      return now().limits.callsPerConnection;
    },
    get subscriptionsPerConnection() {
      return now().limits.subscriptionsPerConnection;
    },
    get callTimeout() {
      return now().limits.callTimeout;
    },
    get callTimeoutMax() {
      return now().limits.callTimeoutMax;
    },
    get bufferedPerConnection() {
      return now().limits.bufferedPerConnection;
    },
  });
}

function threadStore({ link }: ThreadHostParts): Store {
  return Object.freeze<Store>({
    get: (key) => link.call('storeGet', [key]),
    // A copy of its own: a view would drag its whole pool along.
    put: (key, value, options) =>
      link.call('storePut', [key, value instanceof Uint8Array ? new Uint8Array(value) : value, options]),
    delete: (key, options) => link.call('storeDelete', [key, options]),
    async *list(prefix) {
      yield* link.iterate('storeList', [prefix]);
    },
    // From the call on, not from the first value.
    watch: (prefix, { signal }) => untilAborted(link.iterate('storeWatch', [prefix], { signal }), signal),
  });
}

/** An abort ends it, begun or not. */
function untilAborted<Value>(
  values: AsyncGenerator<Value, void, undefined>,
  signal: AbortSignal,
): AsyncGenerator<Value, void, undefined> {
  const leave = () => void values.return();
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  return values;
}

function threadMetrics({ link }: ThreadHostParts): Metrics {
  const meter = (kind: keyof Metrics, name: string, description: string) => {
    const number = link.callSync('metric', kind, name, description);
    return (value: number, labels?: Readonly<Record<string, string>>) =>
      link.tell('measure', number, value, labels);
  };
  return Object.freeze<Metrics>({
    counter: (name, description) => {
      const measure = meter('counter', name, description);
      return { add: (value = 1, labels) => measure(value, labels) };
    },
    gauge: (name, description) => ({ set: meter('gauge', name, description) }),
    histogram: (name, description) => ({ record: meter('histogram', name, description) }),
  });
}

/** What others contribute, as the host told it last. */
class ThreadContributions {
  readonly #portables: Portables;
  readonly #listeners = new Set<() => void>();
  #current: readonly Contribution[];

  constructor(portables: Portables, now: readonly unknown[]) {
    this.#portables = portables;
    this.#current = this.#decoded(now);
  }

  change(now: readonly unknown[]): void {
    this.#current = this.#decoded(now);
    for (const listener of [...this.#listeners]) listener();
  }

  view(signal: AbortSignal): Contributions {
    const contributions = this;
    return {
      get current() {
        return contributions.#current;
      },
      onChange: (listener) => {
        // One that is given twice is told twice.
        const entry = () => listener();
        if (!signal.aborted) this.#listeners.add(entry);
        return () => void this.#listeners.delete(entry);
      },
    };
  }

  #decoded(now: readonly unknown[]): Contribution[] {
    return now.map((picture) => this.#portables.decode(picture) as Contribution);
  }
}
