/**
 * What `start(host)` of a plugin under test gets.
 *
 * @module
 */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { defaultCallLimits } from '../call/limits.ts';
import { Capabilities, type KeyCapabilities } from '../capabilities.ts';
import type { Connection } from '../connection.ts';
import { CallError, type CloseInfo } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { AnyOperation } from '../operation.ts';
import type {
  CallLimits,
  Contribution,
  DialRequest,
  DispatchAuth,
  Metrics,
  PeerDirectory,
  Plugin,
  PluginHost,
} from '../plugin.ts';
import { compileSchema } from '../schema.ts';
import type { Store } from '../store.ts';
import { captureLog, type LogLine } from './capture-log.ts';
import { MemoryStore } from './memory-store.ts';
import { TestOperations } from './test-operations.ts';

export interface TestNodeOptions {
  /** As it would stand at `plugins.<name>.config`. */
  readonly config?: unknown;
  /** Token to whom it belongs; the map may change while the node runs. */
  readonly tokens?: ReadonlyMap<string, Identity>;
  /** Fingerprint to whom it belongs. */
  readonly fingerprints?: ReadonlyMap<string, Identity>;
  /** Values of the secrets that the plugin requests. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Key capabilities, of which the plugin gets those that it requests. */
  readonly keys?: KeyCapabilities;
  /** The peers, as a built-in plugin sees them. */
  readonly peers?: PeerDirectory;
  readonly limits?: Partial<CallLimits>;
  /** Operations of other plugins, for composition and gateway. */
  readonly operations?: readonly AnyOperation[];
  /** What other plugins contribute, by surface. */
  readonly contributions?: Readonly<Record<string, readonly Contribution[]>>;
  /** Answers `host.dispatch`; default: the stream is ended and the connection closed with 0. */
  readonly dispatch?: (dispatched: Dispatched) => Promise<CloseInfo> | CloseInfo;
  /** Answers `host.dial`; default: it fails. */
  readonly dial?: (target: string, options: DialRequest) => Promise<Connection> | Connection;
}

/** What a plugin has handed to `host.dispatch`. */
export interface Dispatched {
  readonly alpn: string;
  readonly stream: Duplex;
  readonly auth: DispatchAuth;
}

export interface TestHost {
  readonly host: PluginHost<never>;
  readonly operations: TestOperations;
  readonly lines: LogLine[];
  readonly dispatched: Dispatched[];
  readonly store: Store;
  /** Tells the plugin that look-ups may give something else. */
  identitiesChanged(): void;
  /** Made by `host.dataDir`, if that was ever asked for. */
  directory(): string | undefined;
}

export function makeTestHost(plugin: Plugin, options: TestNodeOptions, signal: AbortSignal): TestHost {
  const lines: LogLine[] = [];
  const dispatched: Dispatched[] = [];
  const log = captureLog(lines, { plugin: plugin.name });
  const store = new MemoryStore();
  const requests = plugin.requests ?? {};
  const capabilities = grantedSecrets(requests.secrets ?? [], options);
  const identityListeners = new Set<() => void>();
  const identity = {
    resolveToken: (token: string) => options.tokens?.get(token),
    resolveFingerprint: (fingerprint: string) => options.fingerprints?.get(fingerprint),
    ...(options.peers === undefined ? {} : { peers: options.peers }),
    onChange: (listener: () => void) => {
      identityListeners.add(listener);
      return () => void identityListeners.delete(listener);
    },
  };
  const operations = new TestOperations({
    plugin: plugin.name,
    operations: [...(plugin.operations ?? []), ...(options.operations ?? [])],
    requests,
    identities: identity,
    capabilities,
    log,
    signal,
  });
  let directory: string | undefined;
  const { invoke, subscribe } = operations.caller;
  const host = {
    config: checkedConfig(plugin, options.config ?? {}) as never,
    log,
    store,
    get dataDir() {
      directory ??= mkdtempSync(join(tmpdir(), `alknet-${plugin.name}-`));
      return directory;
    },
    node: { id: `ed25519:${'0'.repeat(64)}`, z32: 'y'.repeat(52), name: 'test', version: '0.0.0' },
    limits: { ...defaultCallLimits, ...options.limits },
    identity,
    capabilities,
    operations: {
      invoke,
      subscribe,
      publish: () => ({ replace: () => {}, remove: () => {} }),
      prepare: async () => {},
      gateway: (auth) => {
        if (requests.gateway === true) return operations.gateway(auth);
        throw new CallError('FORBIDDEN', `plugin ${plugin.name} has no gateway: it does not request one`);
      },
    },
    metrics: noMetrics,
    signal,
    dispatch: async (alpn, stream, auth) => {
      const record = { alpn, stream, auth };
      dispatched.push(record);
      if (options.dispatch !== undefined) return options.dispatch(record);
      stream.end();
      return { code: 0, reason: '', by: 'local' };
    },
    dial: async (target, request = {}) => {
      if (options.dial !== undefined) return options.dial(target, request);
      throw new Error(`dial ${target}: this test node has no \`dial\` option to answer it`);
    },
    contributions: (surface) => ({
      current: options.contributions?.[surface] ?? [],
      onChange: () => () => {},
    }),
  } satisfies PluginHost<never>;
  const identitiesChanged = () => {
    for (const listener of [...identityListeners]) listener();
  };
  return { host, operations, lines, dispatched, store, directory: () => directory, identitiesChanged };
}

/** The config as `start` gets it. @throws Error that names each fault */
export function checkedConfig(plugin: Plugin, config: unknown): unknown {
  const value: unknown = structuredClone(config);
  const schema = plugin.config ?? ({ type: 'object', additionalProperties: false } as const);
  const issues = compileSchema(schema)(value);
  if (issues === undefined) return value;
  const faults = issues.map(({ path, message }) => `config${path} ${message}`);
  throw new Error(`plugin ${plugin.name}: ${faults.join('; ')}`);
}

function grantedSecrets(
  names: readonly string[],
  { secrets = {}, keys = {} }: TestNodeOptions,
): Capabilities {
  const wished = Object.entries(keys).filter(([name]) => names.includes(name));
  let granted = new Capabilities(Object.fromEntries(wished));
  for (const name of names) {
    const value = secrets[name];
    if (value !== undefined) granted = granted.withApiKey(name, value);
  }
  return granted;
}

const noMetrics: Metrics = {
  counter: () => ({ add: () => {} }),
  gauge: () => ({ set: () => {} }),
  histogram: () => ({ record: () => {} }),
};
