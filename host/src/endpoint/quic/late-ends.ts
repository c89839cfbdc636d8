/**
 * Streams whose end, or whose reading, waits until what was sent has been acknowledged: `late-end.ts` says how long, this
 * waits. `docs/spec/endpoint.md` 6.3.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { LateEnd, repeatAfter, repeats } from './late-end.ts';
import type { QuicStream } from './stream.ts';

/** What they need of their connection. */
export interface LateCarrier {
  readonly native: Pick<QuicheConnection, 'pathStats' | 'streamSend' | 'timeout'>;
  /** Milliseconds that no timer but the idle one takes. */
  readonly quietAbove: number;
  /** Lets quiche work and send at the end of this turn. */
  schedule(): void;
}

const noBytes = Buffer.alloc(0);

export class LateEnds {
  readonly #carrier: LateCarrier;
  readonly #resume: (stream: QuicStream, again: () => void) => void;
  readonly #waiting = new Map<QuicStream, { readonly late: LateEnd; readonly timer: NodeJS.Timeout }>();
  /** Ends that are to be sent again. */
  readonly #repeating = new Set<NodeJS.Timeout>();

  /** `resume` is called in a turn of its own with what is to be tried again. */
  constructor(carrier: LateCarrier, resume: (stream: QuicStream, again: () => void) => void) {
    this.#carrier = carrier;
    this.#resume = resume;
  }

  has(stream: QuicStream): boolean {
    return this.#waiting.has(stream);
  }

  /**
   * Whether something must wait until all that was given to quiche has been acknowledged; then it is called again.
   * `allSent`: quiche has sent all of it, and sends at once what it is given now.
   */
  postponed(stream: QuicStream, allSent: boolean, again: () => void): boolean {
    const { native, quietAbove } = this.#carrier;
    const [path] = stream.wrote ? native.pathStats() : [];
    if (path === undefined) return false;
    const now = performance.now();
    const late = this.#waiting.get(stream)?.late ?? new LateEnd(now, path);
    this.forget(stream);
    const wait = late.wait(now, path, { allSent, quiet: (native.timeout() ?? 0) > quietAbove });
    if (wait === 0) return false;
    const timer = setTimeout(() => this.#resume(stream, again), Math.ceil(wait));
    this.#waiting.set(stream, { late, timer });
    return true;
  }

  /** An end has just been sent by itself: sends it again, where nothing says that its data was acknowledged before. */
  sent({ id, wrote }: QuicStream): void {
    const [path] = wrote ? this.#carrier.native.pathStats() : [];
    if (path === undefined || path.lost > 0) return;
    let left = repeats;
    const timer = setInterval(() => {
      if (!this.#repeat(id) || --left === 0) this.#stop(timer);
    }, repeatAfter(path));
    this.#repeating.add(timer);
  }

  /** `false` when quiche has forgotten the stream. */
  #repeat(id: number): boolean {
    try {
      this.#carrier.native.streamSend(id, noBytes, true);
      this.#carrier.schedule();
      return true;
    } catch {
      return false;
    }
  }

  #stop(timer: NodeJS.Timeout): void {
    clearInterval(timer);
    this.#repeating.delete(timer);
  }

  forget(stream: QuicStream): void {
    clearTimeout(this.#waiting.get(stream)?.timer);
    this.#waiting.delete(stream);
  }

  clear(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    for (const timer of this.#repeating) clearInterval(timer);
    this.#repeating.clear();
  }
}
