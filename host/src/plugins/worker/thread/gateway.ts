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
  type Gateway,
  type HostOperations,
  type IncomingCall,
  type RemoteCaller,
  type Server,
} from '@alknet/sdk';
import { encodeError } from '../errors.ts';
import { itself, type PublishedData, type ThreadMethods } from '../protocol.ts';
import type { Served } from '../serving.ts';
import { threadCaller } from './context.ts';
import type { Handlers } from './operations.ts';
import type { HostLink, HostObjects } from './thread.ts';

type Methods = Pick<
  Served<ThreadMethods>,
  'servingCall' | 'servingSubscribe' | 'remoteCall' | 'remoteSubscribe'
>;

export class ThreadOperations {
  readonly #link: HostLink;
  readonly #objects: HostObjects;
  readonly #handlers: Handlers;
  /** The sessions that requests came in on, while the requests run. */
  readonly #callers = new Map<number, CallerConnection>();
  readonly #remotes = new Map<number, RemoteCaller>();
  #servings = 0;
  #attached = 0;

  constructor(link: HostLink, objects: HostObjects, handlers: Handlers) {
    this.#link = link;
    this.#objects = objects;
    this.#handlers = handlers;
  }

  get host(): HostOperations {
    return Object.freeze<HostOperations>({
      ...threadCaller(this.#link, itself),
      publish: (prefix, kind, registrations) => this.#publish(prefix, kind, registrations),
      gateway: (auth) => this.#gateway(auth),
    });
  }

  get served(): Methods {
    const found = <Value>(value: Value | undefined): Value => {
      if (value === undefined) throw new CallError('INTERNAL', 'connection closed');
      return value;
    };
    return {
      servingCall: ({ signal }, serving, name, input, options) =>
        found(this.#callers.get(serving)).call(name, input, { ...options, signal }),
      servingSubscribe: ({ signal }, serving, name, input, options) =>
        found(this.#callers.get(serving)).subscribe(name, input, { ...options, signal }),
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

  #gateway(auth: AuthContext): Gateway {
    const link = this.#link;
    // Asked for at each use: as long as this gateway is held, so is the AuthContext, and the host knows it.
    const ref = () => {
      const known = this.#objects.authRef(auth);
      if (known !== undefined) return known;
      throw new CallError('FORBIDDEN', 'a gateway serves an AuthContext that the host made, not a copy');
    };
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

  #serve(auth: number, call: IncomingCall): Answer {
    const link = this.#link;
    const serving = ++this.#servings;
    const { connection } = call;
    const kind = link.callSync('serve', auth, serving, {
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
        id: connection.id,
        transport: connection.transport,
        remote: connection.remote,
      },
    });
    if (connection !== null) this.#callers.set(serving, connection);
    call.onAbort((reason) => link.tell('serveAbort', serving, encodeError(reason)));
    const output = kind === 'value' ? link.call('serveOutput', [serving]) : undefined;
    const settled = link
      .call('serveSettled', [serving])
      .catch(() => {})
      .finally(() => this.#callers.delete(serving));
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
