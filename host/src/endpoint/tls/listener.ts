/**
 * A TCP port on which TLS is spoken. `docs/spec/endpoint.md` 7.
 *
 * @module
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { RemoteAddress } from '@alknet/sdk';
import { plainAddress } from '../address.ts';
import type { ListenOptions, TransportListener } from '../engine.ts';
import { beginHandshake, type Handshake } from './accept.ts';
import type { TlsConnection } from './connection.ts';
import { socketOptions } from './parameters.ts';

/** @throws the bind error of the socket */
export async function listenTls(options: ListenOptions): Promise<TransportListener> {
  const listener = new TlsListener(options);
  await listener.bind();
  return listener;
}

class TlsListener implements TransportListener {
  readonly transport = 'tls';
  readonly dropped: Record<string, number> = {};
  private readonly options: ListenOptions;
  private readonly server: Server;
  private readonly handshakes = new Set<Handshake>();
  private readonly connections = new Set<TlsConnection>();
  private bound: RemoteAddress | undefined;
  private draining = false;

  constructor(options: ListenOptions) {
    this.options = options;
    this.server = createServer(socketOptions, (socket) => this.accept(socket));
  }

  get address(): RemoteAddress {
    if (this.bound === undefined) throw new Error('the listener is not bound yet');
    return this.bound;
  }

  async bind(): Promise<void> {
    const { host, port } = this.options;
    try {
      await this.listenOn(host === '*' ? '::' : host, port);
    } catch (error) {
      // A machine without IPv6 has no `::` to bind; all its addresses are IPv4 ones.
      const code = (error as NodeJS.ErrnoException).code;
      if (host !== '*' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      await this.listenOn('0.0.0.0', port);
    }
    // Accepting may fail for a while (no descriptors left); the port stays open and tries again.
    this.server.on('error', () => this.drop('accept'));
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the TCP socket has no address');
    this.bound = { address: plainAddress(address.address), port: address.port };
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.server.close();
    for (const handshake of this.handshakes) handshake.drop('draining');
  }

  async close(): Promise<void> {
    this.drain();
    for (const connection of this.connections) connection.close(0, '', 'host');
    await Promise.all([...this.connections].map((connection) => connection.closed));
  }

  private listenOn(host: string, port: number): Promise<void> {
    const { server } = this;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: 511 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  private drop(cause: string): void {
    this.dropped[cause] = (this.dropped[cause] ?? 0) + 1;
  }

  private accept(socket: Socket): void {
    const ends = endsOf(socket);
    if (ends === undefined || this.draining) {
      // Gone before we looked, or too late.
      this.drop(ends === undefined ? 'gone' : 'draining');
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const slot = this.options.policy.admit('tls', ends.remote);
    if (slot === undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const handshake = beginHandshake(socket, ends, this.options, {
      failed: (cause) => {
        this.handshakes.delete(handshake);
        slot.release(cause);
      },
      done: (connection) => {
        this.handshakes.delete(handshake);
        this.connections.add(connection);
        void connection.closed.then(() => this.connections.delete(connection));
        this.options.policy.accepted(connection, slot);
      },
    });
    this.handshakes.add(handshake);
  }
}

export function endsOf(socket: Socket): { local: RemoteAddress; remote: RemoteAddress } | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined) return undefined;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return {
    local: { address: plainAddress(localAddress), port: localPort },
    remote: { address: plainAddress(remoteAddress), port: remotePort },
  };
}
