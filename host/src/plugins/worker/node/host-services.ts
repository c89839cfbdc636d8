/**
 * What a plugin in its thread asks of its `host` beside operations and connections. `docs/spec/config.md` 6.5.
 *
 * @module
 */

import type {
  Capabilities,
  Counter,
  Gauge,
  Histogram,
  KeyCapabilities,
  KeyCapabilityName,
  KeyPair,
  PluginHost,
} from '@alknet/sdk';
import { reviveError, type WireError } from '../errors.ts';
import type { Link } from '../link.ts';
import type { Portables } from '../portable.ts';
import type { CapabilityBytes, HostMethods, ThreadMethods } from '../protocol.ts';
import { HandedOver, type Served } from '../serving.ts';
import type { SharedConnections } from './connections.ts';
import type { RunningCalls } from './running-calls.ts';

type Methods = Pick<
  Served<HostMethods>,
  | 'log'
  | 'released'
  | 'storeGet'
  | 'storePut'
  | 'storeDelete'
  | 'storeList'
  | 'storeWatch'
  | 'dataDir'
  | 'resolveToken'
  | 'resolveFingerprint'
  | 'capabilities'
  | 'capabilityKey'
  | 'capabilityMissed'
  | 'metric'
  | 'measure'
  | 'watchIdentities'
  | 'contributions'
  | 'functionCall'
  | 'functionOver'
  | 'signalAborted'
  | 'body'
>;

interface Parts {
  readonly host: PluginHost<never>;
  readonly link: Link<HostMethods, ThreadMethods>;
  readonly calls: RunningCalls;
  readonly connections: SharedConnections;
  readonly portables: Portables;
}

type Meter = (value: number, labels: Readonly<Record<string, string>> | undefined) => void;

export function serveHost({ host, link, calls, connections, portables }: Parts): Methods {
  const { store } = host;
  const meters: Meter[] = [];
  const watched = new Set<string>();
  /** A call that is over leaves the plugin's own, which are the same as long as no secret has changed. */
  const capabilities = (call: number): Capabilities => calls.context(call)?.capabilities ?? host.capabilities;
  const given = (identity: ReturnType<PluginHost['identity']['resolveToken']>) =>
    identity && connections.identities.give(identity);
  const contributions = (surface: string) => {
    const view = host.contributions(surface);
    const current = () =>
      view.current.flatMap(({ plugin, value }) => {
        try {
          return [{ plugin, value: portables.encode(value) }];
        } catch (error) {
          host.log.warn('contribution cannot reach a thread', { surface, from: plugin, error });
          return [];
        }
      });
    if (!watched.has(surface)) {
      watched.add(surface);
      view.onChange(() => link.tell('contributionsChanged', surface, current()));
    }
    return current();
  };

  return {
    log: (_scope, call, level, event, fields) =>
      (calls.context(call)?.log ?? host.log)[level](event, revivedFields(fields)),
    released: (_scope, kind, ref, times) => connections.released(kind, ref, times),

    storeGet: (_scope, key) => store.get(key),
    storePut: (_scope, key, value, options) => store.put(key, value, options),
    storeDelete: (_scope, key, options) => store.delete(key, options),
    storeList: (_scope, prefix) => store.list(prefix),
    storeWatch: ({ signal }, prefix) => store.watch(prefix, { signal }),

    dataDir: () => host.dataDir,
    resolveToken: (_scope, token, remote) => given(host.identity.resolveToken(token, remote)),
    resolveFingerprint: (_scope, fingerprint) => given(host.identity.resolveFingerprint(fingerprint)),
    capabilities: (_scope, call) => capabilityBytes(capabilities(call)),
    capabilityKey: (_scope, call, name, argument) =>
      useKey(capabilities(call), name as KeyCapabilityName, argument),
    // Asked for again where the operator is told what was not granted.
    capabilityMissed: (_scope, call, name) => void capabilities(call).get(name),
    metric: (_scope, kind, name, description) => {
      const metric = host.metrics[kind](name, description);
      return meters.push((value, labels) => measure(metric, value, labels)) - 1;
    },
    measure: (_scope, metric, value, labels) => meters[metric]?.(value, labels),
    watchIdentities: () => void host.identity.onChange(() => link.tell('identitiesChanged')),
    contributions: (_scope, surface) => contributions(surface),

    functionCall: (_scope, id, args) => portables.call(id, args),
    functionOver: (_scope, lease) => portables.over(lease),
    signalAborted: (_scope, id, reason) => portables.aborted(id, reason),
    body: (_scope, id) => portables.body(id),
  };
}

function measure(metric: Counter | Gauge | Histogram, value: number, labels?: Record<string, string>): void {
  if ('add' in metric) metric.add(value, labels);
  else if ('set' in metric) metric.set(value, labels);
  else metric.record(value, labels);
}

/** Errors among the fields have crossed as pictures. */
function revivedFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Map ? reviveError(value.get('error') as WireError) : value,
    ]),
  );
}

const encoder = new TextEncoder();

/** Values as bytes that leave this thread whole: no copy stays behind. */
export function capabilityBytes(granted: Capabilities): HandedOver<CapabilityBytes> {
  // Looks for each name in both places: that is not the plugin asking in vain.
  using capabilities = granted.reporting(undefined);
  const values: [string, Uint8Array<ArrayBuffer>][] = [];
  const keys: string[] = [];
  for (const name of capabilities.names()) {
    if (capabilities.key(name as KeyCapabilityName) !== undefined) keys.push(name);
    else values.push([name, Uint8Array.from(encoder.encode(capabilities.get(name) ?? ''))]);
  }
  return new HandedOver(
    { values, keys },
    values.map(([, value]) => value.buffer),
  );
}

/** @throws what the capability throws */
function useKey(capabilities: Capabilities, name: KeyCapabilityName, argument: unknown): unknown {
  const key: KeyCapabilities[KeyCapabilityName] = capabilities.key(name);
  if (key === undefined) throw new Error(`the key capability ${name} is not granted`);
  const made: KeyPair | Uint8Array = key(argument as never);
  if (made instanceof Uint8Array) return new Uint8Array(made);
  // Copies that leave this thread whole: a view would show its whole pool.
  const privateKey = new Uint8Array(made.privateKey);
  const publicKey = new Uint8Array(made.publicKey);
  return new HandedOver({ privateKey, publicKey }, [privateKey.buffer, publicKey.buffer]);
}
