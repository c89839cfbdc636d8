/**
 * Gateways and publications of a plugin in its thread. `docs/spec/registry.md` 7 and 14.
 *
 * @module
 */

import {
  AbortLatch,
  type AdapterRegistration,
  type Answer,
  CallError,
  type CallerConnection,
  type Gateway,
  type HostOperations,
  type IncomingCall,
  type Publication,
  type RemoteCaller,
} from '@alknet/sdk';
import { reviveError } from '../errors.ts';
import type { Link } from '../link.ts';
import type {
  GatewayRef,
  HostMethods,
  IncomingData,
  PublishedData,
  SessionData,
  ThreadMethods,
} from '../protocol.ts';
import type { Served } from '../serving.ts';
import type { SharedConnections } from './connections.ts';
import type { OperationProxies } from './operations.ts';

type Methods = Pick<
  Served<HostMethods>,
  | 'publish'
  | 'replacePublished'
  | 'removePublished'
  | 'gateway'
  | 'gatewayCall'
  | 'gatewaySubscribe'
  | 'gatewayList'
  | 'gatewaySchema'
  | 'gatewayTimeout'
  | 'gatewayAttach'
  | 'serve'
  | 'serveAbort'
  | 'serveOutput'
  | 'serveNext'
  | 'serveReturn'
  | 'serveSettled'
  | 'remoteClosed'
  | 'sessionLost'
>;

interface Parts {
  readonly link: Link<HostMethods, ThreadMethods>;
  readonly connections: SharedConnections;
  readonly operations: HostOperations;
  readonly proxies: OperationProxies;
}

interface Serving {
  readonly answer: Answer;
  abort(reason: CallError): void;
}

export function serveGateways({ link, connections, operations, proxies }: Parts): Methods {
  const gateways = new WeakMap<object, Gateway>();
  const publications = new Map<number, Publication>();
  const servings = new Map<number, Serving>();
  const remotes = new Map<number, () => void>();
  const sessions = new Map<number, CallerConnection>();
  let published = 0;

  const gateway = (of: GatewayRef): Gateway => {
    if ('connection' in of) {
      const connection = connections.connection(of.connection);
      const identity = of.identity === null ? null : connections.identity(of.identity);
      // The host knows the one that it made for the same caller.
      return operations.gateway({ ...connection.auth, fingerprint: null, identity }, connection);
    }
    const auth = connections.auth(of.auth);
    let made = gateways.get(auth);
    if (made === undefined) {
      made = operations.gateway(auth);
      gateways.set(auth, made);
    }
    return made;
  };
  /** One object a session, as inline: what is known of a session hangs on it. */
  const session = ({ session: number, ...facts }: SessionData): CallerConnection => {
    let known = sessions.get(number);
    if (known === undefined) {
      known = callerConnection(link, number, facts);
      sessions.set(number, known);
    }
    return known;
  };
  const registrations = (data: readonly PublishedData[]): AdapterRegistration[] =>
    data.map(({ operation, source, capabilities }) => {
      const { handler, ...spec } = proxies.make(operation);
      return { operation: spec, handler, source, ...(capabilities === undefined ? {} : { capabilities }) };
    });
  const serving = (number: number): Serving => {
    const found = servings.get(number);
    if (found === undefined) throw new CallError('ABORTED', 'aborted');
    return found;
  };

  return {
    publish: (_scope, prefix, kind, data) => {
      publications.set(++published, operations.publish(prefix, kind, registrations(data)));
      return published;
    },
    replacePublished: (_scope, number, data) => publications.get(number)?.replace(registrations(data)),
    removePublished: (_scope, number) => {
      publications.get(number)?.remove();
      publications.delete(number);
    },

    gateway: (_scope, of) => void gateway(of),
    gatewayCall: ({ signal }, of, name, input, options) =>
      gateway(of).call(name, input, { ...options, signal }),
    gatewaySubscribe: ({ signal }, of, name, input, options) =>
      gateway(of).subscribe(name, input, { ...options, signal }),
    gatewayList: (_scope, of) => gateway(of).list().map(withoutHandler),
    gatewaySchema: (_scope, of, name) => {
      const found = gateway(of).schema(name);
      return found && withoutHandler(found);
    },
    gatewayTimeout: (_scope, of, name, timeoutMs) => gateway(of).server.timeout(name, timeoutMs),
    gatewayAttach: (_scope, of, number) => {
      let close: () => void = () => {};
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      remotes.set(number, close);
      const remote: RemoteCaller = {
        closed,
        call: (name, input, { signal, ...options } = {}) =>
          link.call('remoteCall', [number, name, input, options], { signal }),
        subscribe: (name, input, { signal, ...options } = {}) =>
          link.iterate('remoteSubscribe', [number, name, input, options], { signal }),
      };
      gateway(of).attach(remote);
    },
    remoteClosed: (_scope, number) => {
      remotes.get(number)?.();
      remotes.delete(number);
    },
    sessionLost: (_scope, number) => void sessions.delete(number),

    serve: (_scope, of, number, data) => {
      const call = new ServedCall(data, data.connection && session(data.connection));
      const answer = gateway(of).server.serve(call);
      // It is asked for a moment later.
      if (answer.kind === 'value') answer.output.catch(() => {});
      servings.set(number, { answer, abort: (reason) => call.abort(reason) });
      return answer.kind;
    },
    serveAbort: (_scope, number, reason) => {
      const error = reviveError(reason);
      servings.get(number)?.abort(error instanceof CallError ? error : new CallError('ABORTED', 'aborted'));
    },
    serveOutput: async (_scope, number) => {
      const { answer } = serving(number);
      return answer.kind === 'value' ? answer.output : undefined;
    },
    serveNext: async (_scope, number) => {
      const { answer } = serving(number);
      if (answer.kind !== 'stream') return undefined;
      const step = await answer.values.next();
      return step.done === true ? undefined : { value: step.value };
    },
    serveReturn: (_scope, number) => {
      const answer = servings.get(number)?.answer;
      if (answer?.kind === 'stream') void answer.values.return?.();
    },
    serveSettled: async (_scope, number) => {
      await serving(number).answer.settled;
      servings.delete(number);
    },
  };
}

/** A handler stays where it is. */
function withoutHandler<Spec extends object>(operation: Spec): Spec {
  const { handler: _, ...spec } = operation as Spec & { handler?: unknown };
  return spec as Spec;
}

function callerConnection(
  link: Link<HostMethods, ThreadMethods>,
  session: number,
  facts: Omit<SessionData, 'session'>,
): CallerConnection {
  return {
    ...facts,
    call: (name, input, { signal, ...options } = {}) =>
      link.call('sessionCall', [session, name, input, options], { signal }),
    subscribe: (name, input, { signal, ...options } = {}) =>
      link.iterate('sessionSubscribe', [session, name, input, options], { signal }),
  };
}

/** A request that a session in the thread has read. */
class ServedCall implements IncomingCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly authToken: string | undefined;
  readonly forwardedFor: IncomingCall['forwardedFor'];
  readonly timeoutMs: unknown;
  readonly window: unknown;
  readonly hops: number;
  readonly receivedAt: number;
  readonly connection: CallerConnection | null;
  readonly #end = new AbortLatch<CallError>();

  constructor(data: IncomingData, connection: CallerConnection | null) {
    this.id = data.id;
    this.name = data.name;
    this.input = data.input;
    this.authToken = data.authToken;
    this.forwardedFor = data.forwardedFor;
    this.timeoutMs = data.timeoutMs;
    this.window = data.window;
    this.hops = data.hops;
    this.receivedAt = data.receivedAt - performance.timeOrigin;
    this.connection = connection;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  onAbort(listener: (reason: CallError) => void): void {
    this.#end.on(listener);
  }

  abort(reason: CallError): void {
    this.#end.trip(reason);
  }
}
