/**
 * The context of a handler in a plugin's thread. Members are made when they are looked at. `docs/spec/registry.md` 7.
 *
 * @module
 */

import type {
  AnyOperation,
  CallerConnection,
  Capabilities,
  Identity,
  InvokeOptions,
  Log,
  OperationContext,
  OperationEnv,
  PeerCaller,
  Resources,
} from '@alknet/sdk';
import type { Composer, ContextData } from '../protocol.ts';
import { threadCapabilities } from './capabilities.ts';
import type { Handlers } from './operations.ts';
import type { HostLink, HostObjects } from './thread.ts';

export interface ContextParts {
  readonly link: HostLink;
  readonly objects: HostObjects;
  readonly handlers: Handlers;
  log(call: number): Log;
}

export class ThreadContext implements OperationContext {
  readonly identity: Identity | null;
  readonly deadline: number | undefined;
  readonly #parts: ContextParts;
  readonly #data: ContextData;
  readonly #scope: { readonly signal: AbortSignal };
  readonly #session: number[];
  #env: OperationEnv | undefined;
  #capabilities: Capabilities | undefined;
  #resources: Resources | undefined;
  #metadata: Map<string, unknown> | undefined;
  #connection: CallerConnection | null | undefined;
  #log: Log | undefined;

  /** `session` receives the numbers of handlers that live as long as this call. */
  constructor(
    parts: ContextParts,
    data: ContextData,
    scope: { readonly signal: AbortSignal },
    session: number[],
  ) {
    this.#parts = parts;
    this.#data = data;
    this.#scope = scope;
    this.#session = session;
    this.identity = data.identity === null ? null : parts.objects.identity(data.identity);
    this.deadline = data.deadline === undefined ? undefined : data.deadline - performance.timeOrigin;
    Object.freeze(this);
  }

  get operation(): string {
    return this.#data.operation;
  }

  get requestId(): string {
    return this.#data.requestId;
  }

  get parentId(): string | undefined {
    return this.#data.parentId;
  }

  get caller(): OperationContext['caller'] {
    return this.#data.caller;
  }

  get forwardedFor(): OperationContext['forwardedFor'] {
    return this.#data.forwardedFor;
  }

  get internal(): boolean {
    return this.#data.internal;
  }

  get depth(): number {
    return this.#data.depth;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get metadata(): Map<string, unknown> {
    this.#metadata ??= new Map();
    return this.#metadata;
  }

  get capabilities(): Capabilities {
    const { link } = this.#parts;
    const { call } = this.#data;
    this.#capabilities ??= threadCapabilities(link, call, link.callSync('capabilities', call));
    return this.#capabilities;
  }

  get env(): OperationEnv {
    this.#env ??= threadEnv(this.#parts, { call: this.#data.call, env: 0 }, this.#session);
    return this.#env;
  }

  get resources(): Resources {
    const { link } = this.#parts;
    const { call } = this.#data;
    this.#resources ??= Object.freeze<Resources>({
      record: (type, id) => link.call('resourceRecord', [call, type, id]),
      revoke: (type, id) => link.call('resourceRevoke', [call, type, id]),
      owns: (type, id) => link.call('resourceOwns', [call, type, id]),
      owned: (type) => link.call('resourceOwned', [call, type]),
    });
    return this.#resources;
  }

  get connection(): CallerConnection | null {
    const { link } = this.#parts;
    const { call, connection } = this.#data;
    this.#connection ??= connection && {
      ...connection,
      call: (name, input, { signal, ...options } = {}) =>
        link.call('callerCall', [call, name, input, options], { signal }),
      subscribe: (name, input, { signal, ...options } = {}) =>
        link.iterate('callerSubscribe', [call, name, input, options], { signal }),
    };
    return this.#connection;
  }

  get log(): Log {
    this.#log ??= this.#parts.log(this.#data.call);
    return this.#log;
  }
}

Object.freeze(ThreadContext.prototype);

/** What composes: an env, a peer of it, or the plugin itself. */
export function threadCaller(link: HostLink, by: Composer): Pick<PeerCaller, 'invoke' | 'subscribe'> {
  return {
    invoke: (name, input, { signal, ...options }: InvokeOptions = {}) =>
      link.call('invoke', [by, name, input, options], { signal }),
    async *subscribe(name, input, { signal, ...options }: InvokeOptions = {}) {
      yield* link.iterate('subscribe', [by, name, input, options], { signal });
    },
  };
}

function threadEnv(parts: ContextParts, by: Composer, session: number[]): OperationEnv {
  const { link, handlers } = parts;
  return Object.freeze<OperationEnv>({
    ...threadCaller(link, by),
    peer: (id) => {
      const peer = { ...by, peer: id };
      return Object.freeze<PeerCaller>({
        ...threadCaller(link, peer),
        id,
        get connected() {
          return link.callSync('peerConnected', peer);
        },
      });
    },
    peers: (name) => link.callSync('envPeers', by, name),
    can: (name) => link.callSync('envCan', by, name),
    with: (operations: readonly AnyOperation[]) => {
      const described = operations.map((operation) => handlers.describe(operation));
      session.push(...described.map(({ handler }) => handler));
      return threadEnv(parts, { call: by.call, env: link.callSync('envWith', by, described) }, session);
    },
  });
}
