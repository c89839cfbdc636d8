/**
 * Carries a stream of this side to its `PortStream` at the other.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { encodeError } from './errors.ts';
import { Consumed, type StreamPort, windowSize } from './streams.ts';

export class StreamPump {
  readonly #port: StreamPort;
  readonly #number: number;
  readonly #stream: Duplex;
  #credit = windowSize;
  /** The other side knows that it is over, or is no more. */
  #known = false;

  /** What the other side writes is written from now on; what this side reads waits for {@link start}. */
  constructor(port: StreamPort, number: number, stream: Duplex) {
    this.#port = port;
    this.#number = number;
    this.#stream = stream;
    const consumed = new Consumed((bytes) => port.sendCredit(number, bytes));
    port.streams.set(number, {
      data: (bytes) => {
        if (stream.destroyed || stream.writableEnded) return;
        stream.write(bytes, (error) => {
          if (error === null || error === undefined) consumed.add(bytes.length);
        });
      },
      credit: (bytes) => {
        this.#credit += bytes;
        if (this.#credit > 0 && !stream.destroyed) stream.resume();
      },
      end: () => {
        if (stream.destroyed) return;
        stream.end(() => {
          if (stream.writableFinished) port.sendFinished(number);
        });
      },
      finished: () => {},
      destroy: (error) => {
        this.#known = true;
        stream.destroy(error);
      },
      over: () => {
        // Its connection is closed with the code that says why.
        this.#known = true;
        stream.pause();
      },
    });
    stream.once('error', this.#failed);
    stream.once('close', this.#closed);
  }

  /** The other side reads. */
  start(): void {
    this.#stream.on('data', this.#read);
    this.#stream.once('end', this.#ended);
    if (this.#stream.readableEnded) this.#ended();
  }

  /** Leaves the stream as it was; only before {@link start}. */
  release(): void {
    this.#port.streams.delete(this.#number);
    this.#stream.off('error', this.#failed);
    this.#stream.off('close', this.#closed);
  }

  readonly #read = (chunk: Buffer) => {
    if (this.#known) return;
    this.#credit -= chunk.length;
    this.#port.sendData(this.#number, chunk);
    if (this.#credit <= 0) this.#stream.pause();
  };

  readonly #ended = () => {
    if (!this.#known) this.#port.sendEnd(this.#number);
  };

  readonly #failed = (error: Error) => {
    if (this.#known) return;
    this.#known = true;
    this.#port.sendDestroy(this.#number, encodeError(error));
  };

  readonly #closed = () => {
    this.#port.streams.delete(this.#number);
    if (this.#known || (this.#stream.readableEnded && this.#stream.writableFinished)) return;
    this.#port.sendDestroy(this.#number, undefined);
  };
}
