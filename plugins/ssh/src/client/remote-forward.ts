/**
 * `-R`: listeners on the node whose connections come here. They are asked for anew after each reconnect.
 * `docs/spec/ssh.md` 8.2 and 8.3.
 *
 * @module
 */

import { connect, type Socket } from 'node:net';
import type { AcceptConnection, Channel, Client, RejectConnection } from 'ssh2';
import { ChannelStream } from './channel-stream.ts';
import { carry } from './channels.ts';
import type { End, ForwardSpec } from './forward-spec.ts';

/** Milliseconds to connect to the target on this side. */
const connectMs = 10_000;

/** Where the node listens now, for one spec; or that it refused. */
export type RemoteBound =
  | { readonly spec: ForwardSpec; readonly bound: End }
  | { readonly spec: ForwardSpec; readonly refused: true };

/** The remote forwards of a link, for each of its sessions. */
export class RemoteForwards {
  readonly #specs: readonly ForwardSpec[];
  /** Port that the node chose for a spec with 0, so that it stays the same after a reconnect if it is free. */
  readonly #chosen = new Map<ForwardSpec, number>();

  constructor(specs: readonly ForwardSpec[]) {
    this.#specs = specs;
  }

  /** Asks for all of them; one that is refused does not stop the others. */
  async register(client: Client): Promise<readonly RemoteBound[]> {
    const targets = new Map<string, End>();
    client.on('tcp connection', ({ destIP, destPort }, accept, reject) =>
      deliver(client, targets.get(`${destIP} ${destPort}`), accept, reject),
    );
    client.on('unix connection', ({ socketPath }, accept, reject) =>
      deliver(client, targets.get(socketPath), accept, reject),
    );
    return Promise.all(
      this.#specs.map(async (spec): Promise<RemoteBound> => {
        try {
          const bound = await this.#ask(client, spec);
          targets.set(bound.kind === 'unix' ? bound.path : `${bound.host} ${bound.port}`, spec.target);
          return { spec, bound };
        } catch {
          return { spec, refused: true };
        }
      }),
    );
  }

  #ask(client: Client, spec: ForwardSpec): Promise<End> {
    const { bind } = spec;
    return new Promise((resolve, reject) => {
      if (bind.kind === 'unix') {
        client.openssh_forwardInStreamLocal(bind.path, (error) => (error ? reject(error) : resolve(bind)));
        return;
      }
      // RFC 4254 7.1: the name localhost is loopback of every family; an empty one would be every address.
      const host = bind.host ?? 'localhost';
      const wanted = bind.port === 0 ? (this.#chosen.get(spec) ?? 0) : bind.port;
      const ask = (port: number, otherwise: (error: Error) => void) =>
        client.forwardIn(host, port, (error, bound) => {
          if (error) return otherwise(error);
          if (bind.port === 0) this.#chosen.set(spec, bound);
          resolve({ kind: 'tcp', host, port: bound });
        });
      ask(wanted, (error) => (wanted === bind.port ? reject(error) : ask(0, reject)));
    });
  }
}

function deliver(
  client: Client,
  target: End | undefined,
  accept: AcceptConnection<Channel>,
  reject: RejectConnection,
): void {
  if (target === undefined) return reject();
  const socket: Socket = connect(
    target.kind === 'unix'
      ? { path: target.path, allowHalfOpen: true }
      : { host: target.host ?? 'localhost', port: target.port, allowHalfOpen: true, noDelay: true },
  );
  const fail = () => {
    clearTimeout(timer);
    socket.destroy();
    reject();
  };
  const timer = setTimeout(fail, connectMs);
  socket.once('error', fail);
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.off('error', fail);
    void carry(client, socket, new ChannelStream(accept()));
  });
}
