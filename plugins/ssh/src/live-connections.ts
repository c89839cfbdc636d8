/**
 * The connections that are open, for those who look at them. No destination is known here. `docs/spec/ssh.md` 10.
 *
 * @module
 */

import type { SshConnection } from './connection.ts';

export interface ConnectionEvent {
  readonly event: 'open' | 'auth' | 'close';
  readonly id: string;
  readonly peer: string | null;
  readonly addr: string | null;
  readonly at: string;
}

/** Events that wait for somebody who is slow to take them; the oldest go. */
const maxWaiting = 1000;

export class LiveConnections {
  readonly #open = new Map<string, SshConnection>();
  readonly #listeners = new Set<(event: ConnectionEvent) => void>();

  [Symbol.iterator](): Iterator<SshConnection> {
    return this.#open.values();
  }

  get(id: string): SshConnection | undefined {
    return this.#open.get(id);
  }

  opened(connection: SshConnection): void {
    this.#open.set(connection.id, connection);
    this.#tell('open', connection);
    void connection.closed.then(() => {
      this.#open.delete(connection.id);
      this.#tell('close', connection);
    });
  }

  loggedIn(connection: SshConnection): void {
    this.#tell('auth', connection);
  }

  /** What happens from now on, until the signal is aborted. */
  async *follow(signal: AbortSignal): AsyncGenerator<ConnectionEvent, void, undefined> {
    const waiting: ConnectionEvent[] = [];
    let wake = () => {};
    const listener = (event: ConnectionEvent) => {
      if (waiting.push(event) > maxWaiting) waiting.shift();
      wake();
    };
    const end = () => wake();
    this.#listeners.add(listener);
    signal.addEventListener('abort', end);
    try {
      while (!signal.aborted) {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield next;
        if (!signal.aborted)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', end);
    }
  }

  #tell(event: ConnectionEvent['event'], { id, login, source }: SshConnection): void {
    const peer = login?.peer ?? null;
    const addr = source.remote?.address ?? null;
    const told = { event, id, peer, addr, at: new Date().toISOString() };
    for (const listener of this.#listeners) listener(told);
  }
}
