/**
 * What the node and a plugin's thread may ask of each other. Everything here is plain data: functions, streams, signals
 * and errors cross as numbers that one side knows.
 *
 * @module
 */

import type {
  AuthContext,
  CallLimits,
  CloseInfo,
  DialRequest,
  ForwardedFor,
  GatewayCallOptions,
  Identity,
  InvokeOptions,
  LogLevel,
  OperationSpec,
  PluginHost,
  RemoteAddress,
  Requests,
  StoreChange,
  StoreEntry,
  StoreWriteOptions,
} from '@alknet/sdk';
import type { IncomingCall } from '@alknet/sdk/call';
import type { WireError } from './errors.ts';
import type { Given } from './given.ts';

/** An operation without its handler, and what kind of function that is. */
export interface DescribedOperation {
  /** Names the handler to the thread. */
  readonly handler: number;
  readonly handlerKind: 'function' | 'generator' | 'async generator' | 'none';
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A module's default export, as far as it is data. */
export interface DescribedPlugin {
  readonly name: unknown;
  readonly version: unknown;
  readonly alpns: unknown;
  readonly config: unknown;
  readonly requests: Requests | undefined;
  readonly operations: readonly DescribedOperation[] | undefined;
  /** By surface, in the form of `portable.ts`. */
  readonly contributes: Readonly<Record<string, unknown>> | undefined;
  readonly start: boolean;
}

/** What the default export is instead of a plugin, in words for the operator. */
export interface NoPlugin {
  readonly fault: string;
}

/** What a plugin reads at each use and that seldom changes. */
export interface Surroundings {
  readonly node: PluginHost['node'];
  readonly limits: CallLimits;
  readonly levels: readonly LogLevel[];
}

/** Values of secrets as bytes that belong to the receiver, and names of key capabilities. */
export interface CapabilityBytes {
  readonly values: readonly (readonly [name: string, value: Uint8Array])[];
  readonly keys: readonly string[];
}

export interface StartFacts {
  readonly config: unknown;
  readonly surroundings: Surroundings;
  readonly capabilities: CapabilityBytes;
}

/** Which members `start` has returned. */
export interface StartedMembers {
  readonly connection: boolean;
  readonly configure: boolean;
  readonly drain: boolean;
  readonly stop: boolean;
}

export interface GivenAuth {
  readonly context: Given<Omit<AuthContext, 'identity'>>;
  readonly identity: Given<Identity> | null;
}

export interface ConnectionData {
  /** Names it on the port. */
  readonly number: number;
  readonly id: string;
  readonly alpn: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  readonly serverName: string | null;
  readonly multiplexed: boolean;
  readonly auth: GivenAuth;
}

/** A context without what can be asked for. */
export interface ContextData {
  /** Names the running call on the port. */
  readonly call: number;
  readonly operation: string;
  readonly requestId: string;
  readonly parentId: string | undefined;
  readonly identity: Given<Identity> | null;
  readonly caller: { readonly id: string; readonly displayName?: string } | null;
  readonly forwardedFor: ForwardedFor | null;
  readonly internal: boolean;
  /** Milliseconds since 1970: the clocks of two threads begin at different times. */
  readonly deadline: number | undefined;
  readonly depth: number;
  readonly connection: {
    readonly id: string;
    readonly transport: string;
    readonly remote: RemoteAddress | null;
  } | null;
}

/** An identity that the host gave out, by its number, or one of the plugin's own making. */
export type IdentityData = { readonly ref: number } | { readonly own: Identity } | null;

export interface DispatchData {
  readonly identity: IdentityData;
  readonly fingerprint: string | null;
  readonly remote: RemoteAddress | null;
  readonly transport: string | undefined;
  /** Number of the connection. */
  readonly parent: number | undefined;
}

export type InvokeData = Omit<InvokeOptions, 'signal'>;
export type DialData = Omit<DialRequest, 'signal'>;
export type GatewayOptionsData = Omit<GatewayCallOptions, 'signal'>;

/** A request of the call protocol that a plugin's session has read. */
export interface IncomingData
  extends Pick<
    IncomingCall,
    'id' | 'name' | 'input' | 'authToken' | 'forwardedFor' | 'timeoutMs' | 'window' | 'hops'
  > {
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly connection: SessionData | null;
}

/** A session in the thread that requests come in on: the same number for all of them. */
export interface SessionData {
  readonly session: number;
  readonly id: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
}

/**
 * Whom a gateway serves, by what the host has given out: an AuthContext, or an identity on a connection. What the thread
 * says of them beside their numbers counts for nothing.
 */
export type GatewayRef =
  | { readonly auth: number }
  | { readonly connection: number; readonly identity: number | null };

/** Who composes: the plugin itself, or an `env` of a running call. */
export interface Composer {
  /** 0: the plugin. */
  readonly call: number;
  /** 0: the call's own; others were made by `with`. */
  readonly env: number;
  /** Of a named peer. */
  readonly peer?: string;
}

/** The plugin itself, outside any call. */
export const itself: Composer = { call: 0, env: 0 };

/** What the thread asks of the node. */
export interface HostMethods {
  log(call: number, level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void;
  released(kind: 'identity' | 'auth', ref: number, times: number): void;

  storeGet(key: string): Promise<StoreEntry | undefined>;
  storePut(
    key: string,
    value: Uint8Array,
    options: StoreWriteOptions | undefined,
  ): Promise<{ revision: number }>;
  storeDelete(key: string, options: StoreWriteOptions | undefined): Promise<void>;
  storeList(prefix: string): AsyncIterable<{ key: string } & StoreEntry>;
  storeWatch(prefix: string): AsyncIterable<StoreChange>;

  dataDir(): string;
  resolveToken(token: string, remote: RemoteAddress | null | undefined): Given<Identity> | undefined;
  resolveFingerprint(fingerprint: string): Given<Identity> | undefined;
  /** Of a running call, or of the plugin itself with 0. */
  capabilities(call: number): CapabilityBytes;
  capabilityKey(call: number, name: string, argument: unknown): unknown;
  /** Asked for in vain. */
  capabilityMissed(call: number, name: string): void;
  /** Gives a number for `measure`. */
  metric(kind: 'counter' | 'gauge' | 'histogram', name: string, description: string): number;
  measure(metric: number, value: number, labels: Readonly<Record<string, string>> | undefined): void;
  /** From now on {@link ThreadMethods.identitiesChanged} tells of it. */
  watchIdentities(): void;
  contributions(surface: string): readonly unknown[];

  invoke(by: Composer, name: string, input: unknown, options: InvokeData): Promise<unknown>;
  subscribe(by: Composer, name: string, input: unknown, options: InvokeData): AsyncIterable<unknown>;
  envCan(by: Composer, name: string): boolean;
  envPeers(by: Composer, name: string | undefined): readonly string[];
  peerConnected(by: Composer): boolean;
  /** Gives the number of the new env. */
  envWith(by: Composer, operations: readonly DescribedOperation[]): number;
  resourceRecord(call: number, type: string, id: string): Promise<void>;
  resourceRevoke(call: number, type: string, id: string): Promise<void>;
  resourceOwns(call: number, type: string, id: string): Promise<boolean>;
  resourceOwned(call: number, type: string): Promise<{ all: boolean; ids: string[] }>;
  /** Calls the other side of the session that a call came in on. */
  callerCall(call: number, name: string, input: unknown, options: { timeoutMs?: number }): Promise<unknown>;
  callerSubscribe(
    call: number,
    name: string,
    input: unknown,
    options: { timeoutMs?: number },
  ): AsyncIterable<unknown>;

  publish(
    prefix: string,
    kind: 'openapi' | 'mcp' | 'jsonschema',
    registrations: readonly PublishedData[],
  ): number;
  replacePublished(publication: number, registrations: readonly PublishedData[]): void;
  removePublished(publication: number): void;

  gateway(of: GatewayRef): void;
  gatewayCall(of: GatewayRef, name: string, input: unknown, options: GatewayOptionsData): Promise<unknown>;
  gatewaySubscribe(
    of: GatewayRef,
    name: string,
    input: unknown,
    options: GatewayOptionsData,
  ): AsyncIterable<unknown>;
  gatewayList(of: GatewayRef): readonly OperationSpec[];
  gatewaySchema(of: GatewayRef, name: string): OperationSpec | undefined;
  gatewayTimeout(of: GatewayRef, name: string, timeoutMs: unknown): number | undefined;
  gatewayAttach(of: GatewayRef, remote: number): void;
  /** `serving` names the request from here on. */
  serve(of: GatewayRef, serving: number, call: IncomingData): 'value' | 'stream';
  serveAbort(serving: number, reason: WireError): void;
  serveOutput(serving: number): Promise<unknown>;
  serveNext(serving: number): Promise<{ value: unknown } | undefined>;
  serveReturn(serving: number): void;
  serveSettled(serving: number): Promise<void>;
  remoteClosed(remote: number): void;
  /** The thread has lost a session that requests came in on. */
  sessionLost(session: number): void;

  /** `stream` has been given a number by the thread. Resolves when the inner connection is over. */
  dispatch(alpn: string, stream: number, id: number, auth: DispatchData): Promise<CloseInfo>;
  dial(target: string, options: DialData): Promise<ConnectionData>;
  connectionServe(connection: number): void;
  connectionOpen(connection: number): Promise<{ stream: number; id: number }>;
  connectionIdentify(connection: number, identity: IdentityData): void;
  connectionClose(connection: number, code: number, reason: string): void;

  functionCall(id: number, args: readonly unknown[]): Promise<unknown>;
  functionOver(lease: readonly number[]): void;
  signalAborted(id: number, reason: WireError): void;
  body(id: number): AsyncIterable<Uint8Array>;
}

export interface PublishedData {
  readonly operation: DescribedOperation;
  readonly source: string;
  readonly capabilities: readonly string[] | undefined;
}

/** What the node asks of the thread. */
export interface ThreadMethods {
  load(url: string): Promise<DescribedPlugin | NoPlugin>;
  start(facts: StartFacts): Promise<StartedMembers>;
  configure(config: unknown): Promise<void>;
  drain(): Promise<void>;
  stop(): Promise<void>;
  /** Aborts `host.signal`. */
  abort(reason: WireError): void;
  surroundings(now: Surroundings): void;
  /** Of the plugin itself: secrets have changed. */
  capabilities(now: CapabilityBytes): Promise<void>;

  operation(handler: number, input: unknown, context: ContextData): Promise<unknown>;
  subscription(handler: number, input: unknown, context: ContextData): AsyncIterable<unknown>;
  /** The operations of a publication are gone. */
  forget(handlers: readonly number[]): void;

  connection(data: ConnectionData): Promise<void>;
  connectionStream(connection: number, stream: number, id: number): void;
  connectionLetGo(connection: number, reason: WireError): void;
  connectionClosed(connection: number, info: CloseInfo): void;
  /** The stream of a dispatch has an owner now. */
  dispatched(stream: number): void;

  identitiesChanged(): void;
  contributionsChanged(surface: string, now: readonly unknown[]): void;
  /** The other side of a session that the plugin serves. */
  sessionCall(
    session: number,
    name: string,
    input: unknown,
    options: { timeoutMs?: number },
  ): Promise<unknown>;
  sessionSubscribe(
    session: number,
    name: string,
    input: unknown,
    options: { timeoutMs?: number },
  ): AsyncIterable<unknown>;
  remoteCall(remote: number, name: string, input: unknown, options: GatewayOptionsData): Promise<unknown>;
  remoteSubscribe(
    remote: number,
    name: string,
    input: unknown,
    options: GatewayOptionsData,
  ): AsyncIterable<unknown>;

  functionCall(id: number, args: readonly unknown[]): Promise<unknown>;
  functionOver(lease: readonly number[]): void;
  signalAborted(id: number, reason: WireError): void;
  body(id: number): AsyncIterable<Uint8Array>;
}

/** What the thread begins with. */
export interface ThreadData {
  readonly port: import('node:worker_threads').MessagePort;
  readonly answers: import('node:worker_threads').MessagePort;
  /** 0: an answer is there. 1: beats. 2: KiB outside the heap, of buffers. */
  readonly flags: Int32Array<SharedArrayBuffer>;
  /** Milliseconds between two beats. */
  readonly beat: number;
}
