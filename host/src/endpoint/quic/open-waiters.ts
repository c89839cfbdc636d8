/**
 * Those who wait for the peer's stream credit, first come, first served. `docs/spec/endpoint.md` 3.
 *
 * @module
 */

import { ConnectionError } from '@alknet/sdk/streams';
import type { QuicStream } from './stream.ts';

export const maxOpenWaiters = 1024;

interface Waiter {
  resolve(stream: QuicStream): void;
  reject(error: unknown): void;
  signal: AbortSignal | undefined;
  onAbort: () => void;
}

export class OpenWaiters {
  readonly #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  wait(signal: AbortSignal | undefined): Promise<QuicStream> {
    if (this.#waiting.size >= maxOpenWaiters) {
      return Promise.reject(
        new ConnectionError(
          'LIMIT',
          `${maxOpenWaiters} streams wait for the peer's credit already; wait for one to finish`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        signal,
        onAbort: () => {
          this.#waiting.delete(waiter);
          reject(signal?.reason);
        },
      };
      signal?.addEventListener('abort', waiter.onAbort, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** `false` when nobody waits any more. */
  give(stream: QuicStream): boolean {
    const waiter = this.#take();
    waiter?.resolve(stream);
    return waiter !== undefined;
  }

  fail(error: Error): void {
    for (let waiter = this.#take(); waiter !== undefined; waiter = this.#take()) waiter.reject(error);
  }

  #take(): Waiter | undefined {
    const [waiter] = this.#waiting;
    if (waiter === undefined) return undefined;
    this.#waiting.delete(waiter);
    waiter.signal?.removeEventListener('abort', waiter.onAbort);
    return waiter;
  }
}
