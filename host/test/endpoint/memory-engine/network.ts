/** The addresses of an internet that is one process: who listens where, and ports for those who dial. */

import type { RemoteAddress } from '@alknet/sdk';
import type { TransportKind } from '../../../src/endpoint/engine.ts';

export interface Place {
  readonly kind: TransportKind;
  /** IP address, or `*`. */
  readonly host: string;
  readonly port: number;
}

export class MemoryNetwork<Listener extends Place> {
  readonly #listeners = new Set<Listener>();
  #nextPort = 10_000;

  /** A port that nobody listens on, and that nobody is given twice. */
  freePort(): number {
    return this.#nextPort++;
  }

  /** @throws EADDRINUSE, as the socket of a real engine */
  bind(listener: Listener): void {
    const { kind, host, port } = listener;
    const taken = [...this.#listeners].some(
      (other) =>
        other.kind === kind &&
        other.port === port &&
        (other.host === host || other.host === '*' || host === '*'),
    );
    if (taken)
      throw Object.assign(new Error(`bind EADDRINUSE ${host}:${port}`), { code: 'EADDRINUSE' as const });
    this.#listeners.add(listener);
  }

  release(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  find(kind: TransportKind, { address, port }: RemoteAddress): Listener | undefined {
    return [...this.#listeners].find(
      (listener) =>
        listener.kind === kind &&
        listener.port === port &&
        (listener.host === '*' || listener.host === address),
    );
  }
}
