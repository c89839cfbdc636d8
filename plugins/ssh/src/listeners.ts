/**
 * Bare TCP listeners, which follow the configuration; connections that are open stay. `docs/spec/ssh.md` 1 and 10.
 *
 * @module
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { Log, RemoteAddress } from '@alknet/sdk';
import type { Source } from './server.ts';

export class Listeners {
  readonly #log: Log;
  readonly #accept: (socket: Socket, source: Source) => void;
  readonly #open = new Map<string, Server>();

  constructor(log: Log, accept: (socket: Socket, source: Source) => void) {
    this.#log = log;
    this.#accept = accept;
  }

  /** What is bound, with ports that the system has chosen. */
  get addresses(): RemoteAddress[] {
    return [...this.#open.values()].flatMap((server) => {
      const address = server.address();
      return typeof address === 'object' && address !== null
        ? [{ address: address.address, port: address.port }]
        : [];
    });
  }

  /** Binds what is new, and lets go of what is gone. @throws Error when one cannot be bound; then nothing has changed */
  async set(wanted: readonly string[]): Promise<void> {
    const made = new Map<string, Server>();
    try {
      for (const text of new Set(wanted)) if (!this.#open.has(text)) made.set(text, await this.#bind(text));
    } catch (error) {
      for (const server of made.values()) server.close();
      throw error;
    }
    for (const [text, server] of this.#open) {
      if (wanted.includes(text)) continue;
      server.close();
      this.#open.delete(text);
    }
    for (const [text, server] of made) {
      this.#open.set(text, server);
      const address = server.address();
      if (typeof address === 'object' && address !== null)
        this.#log.info('ssh listening', { address: address.address, port: address.port });
    }
  }

  close(): void {
    for (const server of this.#open.values()) server.close();
    this.#open.clear();
  }

  async #bind(text: string): Promise<Server> {
    const [, bracketed, plain, port] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(text) ?? [];
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    server.on('connection', (socket) => this.#accept(socket, sourceOf(socket)));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new Error(`listen: ${text} cannot be bound: ${error.message}`)));
      server.listen({ host: bracketed ?? plain, port: Number(port) }, resolve);
    });
    server.on('error', (error) => this.#log.error('ssh listener', { listen: text, error }));
    return server;
  }
}

function sourceOf(socket: Socket): Source {
  return {
    via: 'tcp',
    remote: addressOf(socket.remoteAddress, socket.remotePort),
    local: addressOf(socket.localAddress, socket.localPort),
    fingerprint: null,
    parent: undefined,
  };
}

/** IPv4-mapped IPv6 as IPv4. */
function addressOf(address: string | undefined, port: number | undefined): RemoteAddress | null {
  if (address === undefined || port === undefined) return null;
  return { address: address.replace(/^::ffff:(?=\d+\.)/i, ''), port };
}
