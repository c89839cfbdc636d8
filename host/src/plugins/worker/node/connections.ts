/**
 * Connections that the thread serves or has dialled, and streams that it hands over. `docs/spec/endpoint.md` 3, 9, 10.
 *
 * @module
 */

import {
  type AuthContext,
  CloseCode,
  type Connection,
  type Identity,
  type PluginHost,
  type Stream,
} from '@alknet/sdk';
import { encodeError } from '../errors.ts';
import { GivenOut } from '../given.ts';
import type { Link } from '../link.ts';
import { PortStream } from '../port-stream.ts';
import type { ConnectionData, GivenAuth, HostMethods, IdentityData, ThreadMethods } from '../protocol.ts';
import type { Served } from '../serving.ts';
import { StreamPump } from '../stream-pump.ts';

type Methods = Pick<
  Served<HostMethods>,
  'connectionServe' | 'connectionOpen' | 'connectionIdentify' | 'connectionClose' | 'dispatch' | 'dial'
>;

export class SharedConnections {
  readonly identities = new GivenOut<Identity>();
  readonly #auths = new GivenOut<AuthContext>();
  readonly #link: Link<HostMethods, ThreadMethods>;
  readonly #connections = new Map<number, Connection>();
  #shared = 0;
  #streams = 0;

  constructor(link: Link<HostMethods, ThreadMethods>) {
    this.#link = link;
  }

  /** Lets the thread have the connection until it is over. */
  share(connection: Connection): ConnectionData {
    const number = ++this.#shared;
    const link = this.#link;
    this.#connections.set(number, connection);
    connection.signal.addEventListener(
      'abort',
      () => link.tell('connectionLetGo', number, encodeError(connection.signal.reason)),
      { once: true },
    );
    void connection.closed.then((info) => {
      this.#connections.delete(number);
      link.tell('connectionClosed', number, info);
    });
    const { id, alpn, transport, remote, serverName, multiplexed, auth } = connection;
    return { number, id, alpn, transport, remote, serverName, multiplexed, auth: this.#giveAuth(auth) };
  }

  /** The thread is no more. */
  over(): void {
    for (const connection of this.#connections.values())
      connection.close(CloseCode.HANDLER_ERROR, 'internal error');
    this.#connections.clear();
  }

  released(kind: 'identity' | 'auth', ref: number, times: number): void {
    if (kind === 'identity') this.identities.release(ref, times);
    else this.#auths.release(ref, times);
  }

  /** The AuthContext that the host made. */
  auth(ref: number): AuthContext {
    const auth = this.#auths.object(ref);
    if (auth === undefined) throw new Error(`AuthContext ${ref} was not given out`);
    return auth;
  }

  /** One that is shared with the thread. @throws Error when it is over, or never was */
  connection(number: number): Connection {
    const connection = this.#connections.get(number);
    if (connection === undefined) throw new Error(`connection ${number} is over`);
    return connection;
  }

  /** An identity that the thread was given. @throws Error when it was not */
  identity(ref: number): Identity {
    const identity = this.identities.object(ref);
    if (identity === undefined) throw new Error(`identity ${ref} was not given out`);
    return identity;
  }

  serve(host: Pick<PluginHost, 'dispatch' | 'dial'>): Methods {
    return {
      connectionServe: (_scope, number) => void this.#serveStreams(number),
      connectionOpen: async ({ signal }, number) => {
        const stream = await this.connection(number).openStream({ signal });
        return { stream: this.#pump(stream), id: stream.id };
      },
      connectionIdentify: (_scope, number, identity) => {
        const known = this.#identity(identity);
        if (known !== null) this.#connections.get(number)?.identify(known);
      },
      connectionClose: (_scope, number, code, reason) => this.#connections.get(number)?.close(code, reason),
      dispatch: async (_scope, alpn, number, id, { identity, parent, transport, ...auth }) => {
        const stream = new PortStream(this.#link, number, id);
        stream.onRead = () => this.#link.tell('dispatched', number);
        try {
          const outer = parent === undefined ? undefined : this.#connections.get(parent);
          return await host.dispatch(alpn, stream, {
            ...auth,
            identity: this.#identity(identity),
            ...(transport === undefined ? {} : { transport }),
            ...(outer === undefined ? {} : { parent: outer }),
          });
        } catch (error) {
          stream.cut(undefined);
          throw error;
        }
      },
      dial: async ({ signal }, target, options) =>
        this.share(await host.dial(target, { ...options, signal })),
    };
  }

  #identity(data: IdentityData): Identity | null {
    if (data === null) return null;
    if ('own' in data) return data.own;
    return this.identity(data.ref);
  }

  async #serveStreams(number: number): Promise<void> {
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    for await (const stream of connection) {
      const on = ++this.#streams * 2;
      this.#link.tell('connectionStream', number, on, stream.id);
      new StreamPump(this.#link, on, stream).start();
    }
  }

  /** The thread makes odd numbers. */
  #pump(stream: Stream): number {
    const number = ++this.#streams * 2;
    // Its data follows the answer that brings the number.
    setImmediate(() => new StreamPump(this.#link, number, stream).start());
    return number;
  }

  #giveAuth(auth: AuthContext): GivenAuth {
    const { ref } = this.#auths.give(auth);
    const { identity, ...value } = auth;
    return {
      context: { ref, value },
      identity: identity === null ? null : this.identities.give(identity),
    };
  }
}
