/**
 * The operations of a test node: checked, validated and run by the sdk's own functions, as any identity.
 *
 * @module
 */

import { isVisible } from '../access.ts';
import type { Server } from '../call/server.ts';
import type { Capabilities } from '../capabilities.ts';
import type { Caller, OperationEnv } from '../context.ts';
import { CallError } from '../errors.ts';
import type { AuthContext, Identity } from '../identity.ts';
import { callServer, subscribeServer } from '../local-call.ts';
import type { Log } from '../log.ts';
import { parsePattern, patternReaches } from '../names.ts';
import type { AnyOperation } from '../operation.ts';
import type { Gateway, IdentityLookup, Requests } from '../plugin.ts';
import { noEnv, notFound, serveOperations } from '../serve-operations.ts';

export interface TestOperationsOptions {
  readonly plugin: string;
  readonly operations: readonly AnyOperation[];
  /** What the plugin wishes is granted whole. */
  readonly requests: Requests;
  readonly identities: Pick<IdentityLookup, 'resolveToken'>;
  readonly capabilities: Capabilities;
  readonly log: Log;
  /** Aborted when the node stops; calls in flight end with it. */
  readonly signal: AbortSignal;
}

export class TestOperations {
  readonly #options: TestOperationsOptions;
  readonly #servers = new Map<Identity | null, Server>();
  readonly #composed: Server;
  readonly #env: OperationEnv;
  /** What ends each call in flight. */
  readonly #stops = new Set<() => void>();
  #running = 0;

  constructor(options: TestOperationsOptions) {
    this.#options = options;
    // One listener for all calls: the signal lives as long as the node.
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
    const { plugin, operations, requests, capabilities, log } = options;
    const authority = { id: plugin, scopes: requests.scopes ?? [], resources: requests.resources ?? {} };
    const reach = (requests.operations ?? []).map(parsePattern);
    const can = (name: string) =>
      reach.some((pattern) => pattern !== undefined && patternReaches(pattern, name));
    const reachable = (name: string) => {
      if (!can(name)) throw notFound(name);
    };
    this.#env = {
      ...noEnv,
      can: (name) => can(name) && operations.some((operation) => operation.name === name),
      invoke: async (name, input, invokeOptions) => {
        reachable(name);
        return callServer(this.#composed, name, input, invokeOptions);
      },
      subscribe: (name, input, invokeOptions) => {
        reachable(name);
        return subscribeServer(this.#composed, name, input, invokeOptions);
      },
      with: () => this.#env,
    };
    // Composition reaches Internal operations too.
    const open = operations.map((operation) => ({ ...operation, visibility: 'external' as const }));
    this.#composed = this.#counted(
      serveOperations(open, { identity: authority, capabilities, env: this.#env, log }),
    );
  }

  /** Handlers that have begun and are not over. */
  get running(): number {
    return this.#running;
  }

  /** Calls by the plugin's own authority. */
  get caller(): Caller {
    return this.#env;
  }

  /** The gateway of an identity: what a wire call of it would get. */
  gateway({ identity, remote }: Pick<AuthContext, 'identity' | 'remote'>): Gateway {
    const { operations, identities } = this.#options;
    const server: Server = {
      timeout: (name, timeoutMs) => this.#server(null).timeout(name, timeoutMs),
      serve: (call) => {
        const token =
          call.authToken === undefined ? undefined : identities.resolveToken(call.authToken, remote);
        return this.#server(token ?? identity).serve(call);
      },
    };
    const visible = operations.filter(
      ({ visibility, access }) => visibility !== 'internal' && isVisible(access, identity),
    );
    return {
      server,
      call: (name, input, options) => callServer(server, name, input, options),
      subscribe: (name, input, options) => subscribeServer(server, name, input, options),
      attach: () => {},
      list: () => visible,
      schema: (name) => visible.find((operation) => operation.name === name.replace(/^\//, '')),
    };
  }

  #server(identity: Identity | null): Server {
    let server = this.#servers.get(identity);
    if (server === undefined) {
      const { operations, capabilities, log } = this.#options;
      server = this.#counted(serveOperations(operations, { identity, capabilities, env: this.#env, log }));
      this.#servers.set(identity, server);
    }
    return server;
  }

  /** Counts the handlers that run, and ends them with the node. */
  #counted(server: Server): Server {
    const { signal } = this.#options;
    return {
      timeout: server.timeout,
      serve: (call) => {
        const stops: (() => void)[] = [];
        const onAbort = (listener: (reason: CallError) => void) => {
          const stopped = () => listener(new CallError('ABORTED', 'aborted by the other side'));
          call.onAbort(listener);
          if (signal.aborted) return stopped();
          stops.push(stopped);
          this.#stops.add(stopped);
        };
        const answer = server.serve({ ...call, signal: call.signal, onAbort });
        this.#running++;
        void answer.settled.then(() => {
          this.#running--;
          for (const stopped of stops) this.#stops.delete(stopped);
        });
        return answer;
      },
    };
  }

  #stop(): void {
    for (const stop of [...this.#stops]) stop();
    this.#stops.clear();
  }
}
