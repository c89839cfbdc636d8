/**
 * Streams whose end, or whose reading, waits until what was sent has been acknowledged: `late-end.ts` says how long, this
 * waits. `docs/spec/endpoint.md` 6.3.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { LateEnd } from './late-end.ts';
import type { QuicStream } from './stream.ts';

/** What they need of their connection. */
export interface LateCarrier {
  readonly native: Pick<QuicheConnection, 'pathStats' | 'timeout'>;
  /** Milliseconds that no timer but the idle one takes. */
  readonly quietAbove: number;
}

export class LateEnds {
  readonly #carrier: LateCarrier;
  readonly #resume: (stream: QuicStream, again: () => void) => void;
  readonly #waiting = new Map<QuicStream, { readonly late: LateEnd; readonly timer: NodeJS.Timeout }>();

  /** `resume` is called in a turn of its own with what is to be tried again. */
  constructor(carrier: LateCarrier, resume: (stream: QuicStream, again: () => void) => void) {
    this.#carrier = carrier;
    this.#resume = resume;
  }

  has(stream: QuicStream): boolean {
    return this.#waiting.has(stream);
  }

  /** Whether something must wait until all that was sent has been acknowledged; then it is called again. */
  postponed(stream: QuicStream, again: () => void): boolean {
    const { native, quietAbove } = this.#carrier;
    const [path] = stream.wrote ? native.pathStats() : [];
    if (path === undefined) return false;
    const now = performance.now();
    const late = this.#waiting.get(stream)?.late ?? new LateEnd(now, path);
    const wait = late.wait(now, path, (native.timeout() ?? 0) > quietAbove);
    if (wait === 0) {
      this.#waiting.delete(stream);
      return false;
    }
    const timer = setTimeout(() => this.#resume(stream, again), Math.ceil(wait));
    this.#waiting.set(stream, { late, timer });
    return true;
  }

  forget(stream: QuicStream): void {
    clearTimeout(this.#waiting.get(stream)?.timer);
    this.#waiting.delete(stream);
  }

  clear(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }
}
