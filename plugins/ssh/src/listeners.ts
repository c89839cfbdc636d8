/**
 * Bare TCP listeners, which follow the configuration; connections that are open stay. `docs/spec/ssh.md` 1 and 10.
 *
 * @module
 */

import type { Socket } from 'node:net';
import type { Log, RemoteAddress } from '@alknet/sdk';
import { BoundListener } from './bound-listener.ts';
import type { Source } from './server.ts';

export class Listeners {
  readonly #node: string;
  readonly #log: Log;
  readonly #accept: (socket: Socket, source: Source) => void;
  readonly #open = new Map<string, BoundListener>();

  /** @param node its id: another instance of the plugin on the same node hands its listeners over */
  constructor(node: string, log: Log, accept: (socket: Socket, source: Source) => void) {
    this.#node = node;
    this.#log = log;
    this.#accept = accept;
  }

  /** What is bound, with ports that the system has chosen. */
  get addresses(): RemoteAddress[] {
    return [...this.#open.values()].flatMap(({ address }) => address ?? []);
  }

  /** Binds what is new, and lets go of what is gone. @throws Error when one cannot be bound; then nothing has changed */
  async set(wanted: readonly string[]): Promise<void> {
    const made = new Map<string, BoundListener>();
    try {
      for (const text of new Set(wanted)) if (!this.#open.has(text)) made.set(text, await this.#bind(text));
    } catch (error) {
      for (const listener of made.values()) listener.close();
      throw error;
    }
    for (const [text, listener] of this.#open) {
      if (wanted.includes(text)) continue;
      listener.close();
      this.#open.delete(text);
    }
    for (const [text, listener] of made) {
      this.#open.set(text, listener);
      const { address } = listener;
      if (address !== undefined) this.#log.info('ssh listening', { ...address });
    }
  }

  close(): void {
    for (const listener of this.#open.values()) listener.close();
    this.#open.clear();
  }

  #bind(text: string): Promise<BoundListener> {
    return BoundListener.open(this.#node, text, {
      accept: (socket) => this.#accept(socket, sourceOf(socket)),
      failed: (error) => this.#log.error('ssh listener', { listen: text, error }),
    });
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
