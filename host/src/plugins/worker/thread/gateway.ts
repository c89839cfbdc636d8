/**
 * Gateways and publications as a plugin in its thread has them. `docs/spec/registry.md` 7 and 14.
 *
 * @module
 */

import {
  type AdapterRegistration,
  type Answer,
  type AuthContext,
  CallError,
  type CallerConnection,
  type Connection,
  type Gateway,
  type HostOperations,
  type IncomingCall,
  type RemoteCaller,
  type Server,
} from '@alknet/sdk';
import { encodeError } from '../errors.ts';
import { type GatewayRef, itself, type PublishedData, type ThreadMethods } from '../protocol.ts';
import type { Served } from '../serving.ts';
import type { PortConnections } from './connections.ts';
import { threadCaller } from './context.ts';
import type { Handlers } from './operations.ts';
import type { HostLink, HostObjects } from './thread.ts';

type Methods = Pick<
  Served<ThreadMethods>,
  'sessionCall' | 'sessionSubscribe' | 'remoteCall' | 'remoteSubscribe'
>;

const nobody = {};

export class ThreadOperations {
  readonly #link: HostLink;
  readonly #objects: HostObjects;
  readonly #handlers: Handlers;
  readonly #connections: PortConnections;
  readonly #sessions: Sessions;
  /** Of callers whose credential came with a request, by connection and identity. */
  readonly #gateways = new WeakMap<Connection, WeakMap<object, Gateway>>();
  readonly #remotes = new Map<number, RemoteCaller>();
  #servings = 0;
  #attached = 0;

  constructor(link: HostLink, objects: HostObjects, connections: PortConnections, handlers: Handlers) {
    this.#link = link;
    this.#objects = objects;
    this.#connections = connections;
    this.#sessions = new Sessions((session) => link.tell('sessionLost', session));
    this.#handlers = handlers;
  }

  get host(): HostOperations {
    return Object.freeze<HostOperations>({
      ...threadCaller(this.#link, itself),
      publish: (prefix, kind, registrations) => this.#publish(prefix, kind, registrations),
      // Their descriptions cross in one piece, and are looked at when they are published.
      prepare: async () => {},
      gateway: (auth, connection) => this.#gateway(auth, connection),
    });
  }

  get served(): Methods {
    const found = <Value>(value: Value | undefined): Value => {
      if (value === undefined) throw new CallError('INTERNAL', 'connection closed');
      return value;
    };
    return {
      sessionCall: ({ signal }, session, name, input, options) =>
        found(this.#sessions.get(session)).call(name, input, { ...options, signal }),
      sessionSubscribe: ({ signal }, session, name, input, options) =>
        found(this.#sessions.get(session)).subscribe(name, input, { ...options, signal }),
      remoteCall: ({ signal }, remote, name, input, options) =>
        found(this.#remotes.get(remote)).call(name, input, { ...options, signal }),
      remoteSubscribe: ({ signal }, remote, name, input, options) =>
        found(this.#remotes.get(remote)).subscribe(name, input, { ...options, signal }),
    };
  }

  #publish(
    prefix: string,
    kind: Parameters<HostOperations['publish']>[1],
    registrations: readonly AdapterRegistration[],
  ): ReturnType<HostOperations['publish']> {
    const link = this.#link;
    let current = this.#described(registrations);
    const forget = (described: readonly PublishedData[]) =>
      this.#handlers.forget(described.map(({ operation }) => operation.handler));
    const publication = link.callSync('publish', prefix, kind, current);
    return {
      replace: (next) => {
        const described = this.#described(next);
        link.callSync('replacePublished', publication, described);
        forget(current);
        current = described;
      },
      remove: () => {
        link.callSync('removePublished', publication);
        forget(current);
        current = [];
      },
    };
  }

  #described(registrations: readonly AdapterRegistration[]): PublishedData[] {
    return registrations.map(({ operation, handler, source, capabilities }) => ({
      operation: this.#handlers.describe({ ...operation, handler }),
      source,
      capabilities,
    }));
  }

  #gateway(auth: AuthContext, connection: Connection | undefined): Gateway {
    if (connection === undefined || this.#objects.authRef(auth) !== undefined)
      return this.#made(auth, connection);
    let callers = this.#gateways.get(connection);
    if (callers === undefined) {
      callers = new WeakMap();
      this.#gateways.set(connection, callers);
    }
    const caller = auth.identity ?? nobody;
    let gateway = callers.get(caller);
    if (gateway === undefined) {
      gateway = this.#made(auth, connection);
      callers.set(caller, gateway);
    }
    return gateway;
  }

  /** By the numbers of what the host gave out; a copy, or an identity of the plugin's own, has none. */
  #ref(auth: AuthContext, connection: Connection | undefined): GatewayRef {
    const known = this.#objects.authRef(auth);
    if (known !== undefined) return { auth: known };
    const on = connection && this.#connections.numberOf(connection);
    const who = auth.identity === null ? null : this.#objects.identityRef(auth.identity);
    if (on !== undefined && who !== undefined) return { connection: on, identity: who };
    throw new CallError(
      'FORBIDDEN',
      'a gateway serves an AuthContext that the host made, or an identity that it gave out on a connection of it',
    );
  }

  #made(auth: AuthContext, connection: Connection | undefined): Gateway {
    const link = this.#link;
    // Made at each use: as long as this gateway is held, so are these, and the host knows them.
    const ref = () => this.#ref(auth, connection);
    link.callSync('gateway', ref());
    const server: Server = {
      timeout: (name, timeoutMs) => link.callSync('gatewayTimeout', ref(), name, timeoutMs),
      serve: (call) => this.#serve(ref(), call),
    };
    return {
      server,
      call: (name, input, { signal, ...options } = {}) =>
        link.call('gatewayCall', [ref(), name, input, options], { signal }),
      async *subscribe(name, input, { signal, ...options } = {}) {
        yield* link.iterate('gatewaySubscribe', [ref(), name, input, options], { signal });
      },
      list: () => link.callSync('gatewayList', ref()),
      schema: (name) => link.callSync('gatewaySchema', ref(), name),
      attach: (remote) => {
        const number = ++this.#attached;
        this.#remotes.set(number, remote);
        link.tell('gatewayAttach', ref(), number);
        void remote.closed.then(() => {
          this.#remotes.delete(number);
          link.tell('remoteClosed', number);
        });
      },
    };
  }

  #serve(of: GatewayRef, call: IncomingCall): Answer {
    const link = this.#link;
    const serving = ++this.#servings;
    const { connection } = call;
    const kind = link.callSync('serve', of, serving, {
      id: call.id,
      name: call.name,
      input: call.input,
      authToken: call.authToken,
      forwardedFor: call.forwardedFor,
      timeoutMs: call.timeoutMs,
      window: call.window,
      hops: call.hops,
      receivedAt: performance.timeOrigin + call.receivedAt,
      connection: connection && {
        session: this.#sessions.number(connection),
        id: connection.id,
        transport: connection.transport,
        remote: connection.remote,
      },
    });
    call.onAbort((reason) => link.tell('serveAbort', serving, encodeError(reason)));
    const output = kind === 'value' ? link.call('serveOutput', [serving]) : undefined;
    const settled = link.call('serveSettled', [serving]).catch(() => {});
    if (output !== undefined) return { kind: 'value', output, settled };
    const done = { done: true, value: undefined } as const;
    return {
      kind: 'stream',
      settled,
      values: {
        next: async () => {
          const step = await link.call('serveNext', [serving]);
          return step === undefined ? done : { done: false, value: step.value };
        },
        return: async () => {
          link.tell('serveReturn', serving);
          return done;
        },
      },
    };
  }
}

/** Sessions that requests came in on, by number. Their sessions hold them; a number is given back with its session. */
class Sessions {
  readonly #numbers = new WeakMap<CallerConnection, number>();
  readonly #sessions = new Map<number, WeakRef<CallerConnection>>();
  readonly #lost: FinalizationRegistry<number>;
  #made = 0;

  constructor(onLost: (session: number) => void) {
    this.#lost = new FinalizationRegistry((number) => {
      this.#sessions.delete(number);
      onLost(number);
    });
  }

  number(session: CallerConnection): number {
    let number = this.#numbers.get(session);
    if (number === undefined) {
      number = ++this.#made;
      this.#numbers.set(session, number);
      this.#sessions.set(number, new WeakRef(session));
      this.#lost.register(session, number);
    }
    return number;
  }

  get(number: number): CallerConnection | undefined {
    return this.#sessions.get(number)?.deref();
  }
}
