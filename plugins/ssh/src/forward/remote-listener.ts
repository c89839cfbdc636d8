/**
 * A listener on this node for a client: each connection that it accepts is offered to the client.
 * `docs/spec/ssh.md` 7.5.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { RemoteAddress } from '@alknet/sdk';
import { type Arrival, type ForwardClient, Refused } from '../forwarding.ts';
import { join } from '../join.ts';
import { reset } from '../reset.ts';
import { parseAddress } from './address.ts';
import type { Candidate } from './target-pattern.ts';

/** What the client bound; `address` is the text that it wrote, which is how it knows its listener again. */
export type Bound =
  | { readonly kind: 'tcp'; readonly address: RemoteAddress }
  | { readonly kind: 'unix'; readonly path: string };

export class RemoteListener {
  readonly bound: Bound;
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;

  constructor(bound: Bound, servers: readonly Server[], sockets: Set<Socket>) {
    this.bound = bound;
    this.#servers = servers;
    this.#sockets = sockets;
  }

  /** Lets no more connections in; those that are carried go on with their channels. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  /** The client is gone, and with it the other end of all that came in. */
  abort(): void {
    this.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Binds all addresses of one of the choices, the first that is free. @throws Refused */
export async function listenTcp(
  client: ForwardClient,
  host: string,
  choices: Iterable<readonly Candidate[]>,
): Promise<RemoteListener> {
  let allowed = false;
  for (const addresses of choices) {
    allowed = true;
    const [first] = addresses;
    if (first === undefined) continue;
    const bound = { kind: 'tcp', address: { address: host, port: first.port } } as const;
    const places = addresses.map(({ address, port }) => ({ host: address?.text ?? '', port }));
    const listener = await bindAll(client, bound, places);
    if (listener !== undefined) return listener;
  }
  throw new Refused(allowed ? 2 : 1);
}

/** Binds a path that nothing has yet; the socket is the daemon's user's alone. @throws Refused */
export async function listenUnix(client: ForwardClient, path: string): Promise<RemoteListener> {
  const listener = await bindAll(client, { kind: 'unix', path }, [{ path }]);
  if (listener === undefined) throw new Refused(2);
  return listener;
}

type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/** `undefined` when one of them is taken, or is no address of this machine. */
async function bindAll(
  client: ForwardClient,
  bound: Bound,
  places: readonly Place[],
): Promise<RemoteListener | undefined> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  for (const place of places) {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
      void offer(client, bound, socket);
    });
    // After `listening`, an error is one of accepting: too many open files. The next connection may do better.
    const listening = once(server, 'listening');
    bindPrivately(server, place);
    try {
      await listening;
      server.on('error', () => {});
      servers.push(server);
    } catch (error) {
      // A machine without IPv6 has one loopback address, and `::` may have bound 0.0.0.0 already.
      if (servers.length > 0 && isAbsent(error)) continue;
      for (const other of servers) other.close();
      return undefined;
    }
  }
  return new RemoteListener(bound, servers, sockets);
}

/** The bind happens before `listen` returns, so that the mask holds for it alone. */
function bindPrivately(server: Server, place: Place): void {
  if (!('path' in place)) {
    server.listen({ ...place, ipv6Only: place.host.includes(':') });
    return;
  }
  const mask = process.umask(0o177);
  try {
    server.listen(place);
  } finally {
    process.umask(mask);
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}

async function offer(client: ForwardClient, bound: Bound, socket: Socket): Promise<void> {
  const channel = await client.openForwarded(arrivalOf(bound, socket));
  if (channel === undefined) reset(socket);
  else await join(socket, channel);
}

function arrivalOf(bound: Bound, socket: Socket): Arrival {
  if (bound.kind === 'unix') return bound;
  const originator = {
    address: parseAddress(socket.remoteAddress ?? '')?.text ?? '0.0.0.0',
    port: socket.remotePort ?? 0,
  };
  return { kind: 'tcp', bound: bound.address, originator };
}
