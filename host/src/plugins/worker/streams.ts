/**
 * Byte streams across the port, by credit: a `StreamPump` sits at the side that has the stream, a `PortStream` stands for
 * it at the other. Back-pressure, half-close, reset and stop are those of `docs/spec/endpoint.md` 4, in both directions.
 *
 * @module
 */

import type { WireError } from './errors.ts';

/** What the link does with the frames of one stream. */
export interface StreamEnd {
  data(bytes: Uint8Array): void;
  /** The other side has consumed so many bytes. */
  credit(bytes: number): void;
  /** The other side has ended its writing. */
  end(): void;
  /** All that was written here, and its end, has been taken. */
  finished(): void;
  /** The other side gave the stream up, or it failed there. */
  destroy(error: Error | undefined): void;
  /** The port is over. */
  over(reason: unknown): void;
}

/** The part of the link that streams use. */
export interface StreamPort {
  readonly streams: Map<number, StreamEnd>;
  sendData(stream: number, bytes: Uint8Array): void;
  sendCredit(stream: number, bytes: number): void;
  sendEnd(stream: number): void;
  sendFinished(stream: number): void;
  sendDestroy(stream: number, error: WireError | undefined): void;
}

/** Bytes that may be under way in one direction of a stream, beside what the streams themselves hold. */
export const windowSize = 256 * 1024;
/** Credit is gathered up to so many bytes. */
const creditStep = windowSize / 4;

/** What has been consumed here, and of which the other side is told now and then. */
export class Consumed {
  #bytes = 0;
  readonly #send: (bytes: number) => void;

  constructor(send: (bytes: number) => void) {
    this.#send = send;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < creditStep) return;
    this.#send(this.#bytes);
    this.#bytes = 0;
  }
}
