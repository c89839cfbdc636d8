/**
 * Ends that were sent and that the peer has not acknowledged yet; looked at only while somebody waits for them, or when
 * they are many. `docs/spec/endpoint.md` 4 and 6.3.
 *
 * @module
 */

import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { Shutdown } from '@matrixai/quic/native/types.js';

/** What the ends need of their connection. */
export interface FinishingCarrier {
  readonly native: Pick<
    QuicheConnection,
    'streamCapacity' | 'streamFinished' | 'streamSend' | 'streamShutdown'
  >;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<unknown>;
  /** Lets quiche work and send at the end of this turn. */
  schedule(): void;
}

/** Ends that may be remembered before they are looked at. */
const maxFinishing = 1024;

const noBytes = Buffer.alloc(0);

export class Finishing {
  readonly #carrier: FinishingCarrier;
  readonly #streams = new Set<number>();
  /** Those of them that were sent once more. */
  readonly #repeated = new Set<number>();
  #onFinished: (() => void) | undefined;

  constructor(carrier: FinishingCarrier) {
    this.#carrier = carrier;
  }

  add(id: number): void {
    this.#streams.add(id);
  }

  /** Resolves when all are acknowledged, or the connection is over. */
  async acknowledged(isOver: () => boolean): Promise<void> {
    const { native, closed } = this.#carrier;
    // A stream is over in quiche when its end is acknowledged and nothing more can come from the peer.
    for (const id of this.#streams) shutdown(native, id, Shutdown.Read, 0);
    // Also when nothing else is under way: the peer must learn of it to answer.
    this.#carrier.schedule();
    if (this.#streams.size === 0 || isOver()) return;
    const acknowledged = new Promise<void>((resolve) => {
      const before = this.#onFinished;
      this.#onFinished = () => {
        before?.();
        resolve();
      };
    });
    this.#look();
    await Promise.race([acknowledged, closed]);
  }

  /** Lets go of those that have been acknowledged, when somebody waits for them or they are many. */
  tidy(): void {
    if (this.#onFinished !== undefined || this.#streams.size > maxFinishing) this.#look();
  }

  #look(): void {
    for (const id of this.#streams) {
      try {
        this.#carrier.native.streamCapacity(id);
        if (this.#onFinished !== undefined) this.#repeatEnd(id);
      } catch {
        // quiche has forgotten it: all of it has been acknowledged.
        this.#streams.delete(id);
        this.#repeated.delete(id);
      }
    }
    if (this.#streams.size > 0) return;
    this.#onFinished?.();
    this.#onFinished = undefined;
  }

  /**
   * quiche 0.18 looks whether a stream is complete when an acknowledgement of it comes, and not at a reset: a peer whose
   * reset came after its last acknowledgement would be waited for without end. Our end, sent once more, says nothing new
   * to the peer and brings one more acknowledgement, the last or not.
   */
  #repeatEnd(id: number): void {
    const { native } = this.#carrier;
    if (this.#repeated.has(id) || !native.streamFinished(id)) return;
    this.#repeated.add(id);
    native.streamSend(id, noBytes, true);
    this.#carrier.schedule();
  }
}

/** Gives one direction of a stream up. `false`: it was over. */
export function shutdown(
  native: Pick<QuicheConnection, 'streamShutdown'>,
  id: number,
  direction: Shutdown,
  code: number,
): boolean {
  try {
    native.streamShutdown(id, direction, code);
    return true;
  } catch {
    return false;
  }
}
