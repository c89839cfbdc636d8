/**
 * What a plugin is, and what it is given. `docs/spec/config.md` 6.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { CallOptions } from './call/session.ts';
import type { Capabilities } from './capabilities.ts';
import type { PluginCommand } from './command.ts';
import type { Connection } from './connection.ts';
import type { Caller } from './context.ts';
import type { CloseInfo } from './errors.ts';
import type { HttpRoute } from './http-route.ts';
import type { AuthContext, Identity, RemoteAddress } from './identity.ts';
import type { Static, TSchema } from './libraries/typebox.ts';
import type { Log } from './log.ts';
import type { AnyOperation, OperationSpec } from './operation.ts';
import type { Store } from './store.ts';

/** What a plugin wishes (`requests`), and what the operator consents to (`grant`). `docs/spec/config.md` 7. */
export interface Requests {
  readonly scopes?: readonly string[];
  readonly resources?: Readonly<Record<string, readonly string[]>>;
  readonly operations?: readonly string[];
  readonly secrets?: readonly string[];
  readonly dispatch?: readonly string[];
  readonly gateway?: boolean;
  readonly namespaces?: readonly string[];
}

/** Look-ups from credential to identity. `undefined` for unknown, disabled and expired alike. */
export interface IdentityLookup {
  resolveFingerprint(fingerprint: string): Identity | undefined;
  /** `remote` lets a failed look-up count against its address. */
  resolveToken(token: string, remote?: RemoteAddress | null): Identity | undefined;
  /**
   * Told when what a look-up gives may be another now: peers edited, a token replaced, an entry expired. Returns what
   * stops it; the end of the plugin does too.
   */
  onChange(listener: () => void): () => void;
  /** The peers themselves; for built-in plugins that run in the process of the node. */
  readonly peers?: PeerDirectory;
}

/** All entries of `peers.json`, for a plugin that authenticates peers itself. `docs/spec/identity.md` 6. */
export interface PeerDirectory {
  /** `undefined` for unknown, disabled and expired alike. */
  resolvePeer(id: string): Identity | undefined;
  /** In the order of the file, the disabled ones included. */
  entries(): readonly PeerRecord[];
}

/** What a peer authenticates with; never a token or its hash. */
export interface PeerRecord {
  readonly id: string;
  readonly fingerprints: readonly string[];
  /** Lines that {@link parseAuthorizedKey} reads, or `@/path` of a file with one. */
  readonly sshKeys: readonly string[];
}

/** What a plugin that hands a byte stream over says of it. `docs/spec/endpoint.md` 9. */
export interface DispatchAuth {
  /** An object that the host gave out, or one asserted with an id of `<plugin name>:…`. */
  identity?: Identity | null;
  fingerprint?: string | null;
  remote?: RemoteAddress | null;
  /** Label `[a-z]{1,16}`, not `quic`, `tls` or `iroh`. */
  transport?: string;
  /** The connection that the bytes came on; ending it ends the dispatched one. */
  parent?: Connection;
}

export interface GatewayCallOptions extends CallOptions {
  /** Of the frame or HTTP request; a new UUID when absent. */
  requestId?: string;
}

/** What calls the other side of a connection; a session of the call protocol is one. */
export interface RemoteCaller {
  call(name: string, input?: unknown, options?: CallOptions): Promise<unknown>;
  subscribe(name: string, input?: unknown, options?: CallOptions): AsyncIterable<unknown>;
  readonly closed: Promise<unknown>;
}

/** Operations as the identity that the plugin serves: each runs as a wire call of `auth`. */
export interface Gateway {
  /** Answers a session of the call protocol. */
  readonly server: import('./call/server.ts').Server;
  call(name: string, input?: unknown, options?: GatewayCallOptions): Promise<unknown>;
  subscribe(name: string, input?: unknown, options?: GatewayCallOptions): AsyncIterable<unknown>;
  list(): readonly OperationSpec[];
  schema(name: string): OperationSpec | undefined;
  /**
   * Makes the other side reachable by composition as the peer that `auth` names, until it is closed; no effect when that
   * is no peer. `docs/spec/registry.md` 10.
   */
  attach(remote: RemoteCaller): void;
}

/** An operation made by an adapter; `handler` forwards one call. `docs/spec/registry.md` 14. */
export interface AdapterRegistration {
  readonly operation: OperationSpec;
  readonly handler: AnyOperation['handler'];
  /** Where it came from, without credentials. */
  readonly source: string;
  /** Names of the secrets it reads at call time. */
  readonly capabilities?: readonly string[];
}

export interface Publication {
  replace(registrations: readonly AdapterRegistration[]): void;
  remove(): void;
}

export interface HostOperations extends Caller {
  publish(
    prefix: string,
    kind: 'openapi' | 'mcp' | 'jsonschema',
    registrations: readonly AdapterRegistration[],
  ): Publication;
  /**
   * Checks in turns what `publish` and `replace` would check at once: thousands of schemas would keep everything else on
   * the node waiting. To publish the same objects has little left to do; none of them may be changed in between.
   * In a worker there is nothing to be gained yet. @throws what `publish` throws for a bad operation
   */
  prepare(registrations: readonly AdapterRegistration[]): Promise<void>;
  /**
   * Only with `grant.gateway`. `auth` is one that the host made, or, for a protocol whose requests bring a credential of
   * their own, one with an identity that the host gave out, on a `connection` of the host's; that is cheap enough to be
   * asked for each request. @throws CallError `FORBIDDEN`
   */
  gateway(auth: AuthContext, connection?: Connection): Gateway;
}

export interface Counter {
  add(value?: number, labels?: Readonly<Record<string, string>>): void;
}
export interface Gauge {
  set(value: number, labels?: Readonly<Record<string, string>>): void;
}
export interface Histogram {
  record(value: number, labels?: Readonly<Record<string, string>>): void;
}
export interface Metrics {
  counter(name: string, description: string): Counter;
  gauge(name: string, description: string): Gauge;
  histogram(name: string, description: string): Histogram;
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  /** Of a histogram: the sum. */
  readonly value: number;
  /** Of a histogram: observations at or below each bound. */
  readonly buckets?: readonly { readonly atMost: number; readonly count: number }[];
  readonly count?: number;
}

export interface MetricRow {
  /** Of a plugin's metric: prefixed with the plugin's name and `_`, so that two plugins never share one. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly description: string;
  readonly samples: readonly MetricSample[];
}

/** What the host contributes to the surface `metrics`: its own figures and those of all plugins. */
export interface MetricSource {
  rows(): readonly MetricRow[];
}

/** What running plugins contribute to a surface, for the plugin that owns it. */
export interface Contribution {
  readonly plugin: string;
  readonly value: unknown;
}
export interface Contributions {
  readonly current: readonly Contribution[];
  onChange(listener: () => void): () => void;
  /**
   * Looks at what would be contributed if one more plugin started, which comes last; what it throws keeps that plugin from
   * starting. Absent where the owner runs in a thread.
   */
  guard?(check: (contributions: readonly Contribution[]) => void): () => void;
}

/** By surface: the known ones are typed, any other is between its owner and its contributors. */
export interface Contributes {
  /** Web routes, `docs/spec/http.md` 12. */
  readonly http?: readonly HttpRoute[];
  /** Commands, run as `alknet <plugin> <command>`. `docs/spec/cli.md` 1. */
  readonly cli?: readonly PluginCommand[];
  readonly [surface: string]: unknown;
}

/** All that a plugin may have. `docs/spec/config.md` 6.5. */
export interface PluginHost<Config = unknown> {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  /** Mode 0700, made on first use. */
  readonly dataDir: string;
  readonly node: {
    readonly id: string;
    readonly z32: string;
    readonly name: string;
    readonly version: string;
  };
  /** Limits of the node that protocols obey; read it at each use, it follows the configuration. */
  readonly limits: Readonly<CallLimits>;
  readonly identity: IdentityLookup;
  readonly capabilities: Capabilities;
  readonly operations: HostOperations;
  readonly metrics: Metrics;
  /** Aborted when the instance must end. */
  readonly signal: AbortSignal;
  /** Hands a byte stream to the plugin that owns `alpn`. @throws CallError-free ConnectionError, or DispatchError */
  dispatch(alpn: string, stream: Duplex, auth: DispatchAuth): Promise<CloseInfo>;
  /** Only for ALPNs that the plugin owns. */
  dial(target: string, options?: DialRequest): Promise<Connection>;
  contributions(surface: string): Contributions;
}

export interface DialRequest {
  /** Needed when the plugin owns several. */
  alpn?: string;
  transport?: 'auto' | 'quic' | 'tls';
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** `docs/spec/call.md` 11. */
export interface CallLimits {
  /** Bytes of one frame's body. */
  frame: number;
  callsPerConnection: number;
  subscriptionsPerConnection: number;
  /** Milliseconds. */
  callTimeout: number;
  /** Milliseconds. */
  callTimeoutMax: number;
  /** Bytes buffered for one connection, received and unsent. */
  bufferedPerConnection: number;
}

/** What `start` returns. A plugin with ALPNs and no `connection` is refused. */
export interface RunningPlugin<Config = unknown> {
  /** Owns the connection until the promise settles. */
  connection?(connection: Connection): Promise<void> | void;
  /** Takes a new config, or throws to keep the old. */
  configure?(config: Config): Promise<void> | void;
  /**
   * The node or this instance is going: let idle connections go, finish work. Resolves when nothing is left that the host
   * does not know of, such as connections of a listener of its own; the host waits for its own and for this, at most the
   * grace of a reload or the drain time of the node.
   */
  drain?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

export interface Plugin<
  Config extends TSchema = TSchema,
  Operations extends readonly AnyOperation[] = readonly AnyOperation[],
> {
  /** `[a-z][a-zA-Z0-9-]{0,39}` */
  readonly name: string;
  readonly version: string;
  readonly alpns?: readonly string[];
  /** Schema of `plugins.<name>.config`; `{}` is the only config when absent. */
  readonly config?: Config;
  readonly requests?: Requests;
  readonly operations?: Operations;
  /** Surface name to what this plugin adds there. */
  readonly contributes?: Contributes;
  /** What the plugin does beside its operations; one that only has operations needs none. */
  start?(
    host: PluginHost<Static<Config>>,
  ): Promise<RunningPlugin<Static<Config>>> | RunningPlugin<Static<Config>>;
}
