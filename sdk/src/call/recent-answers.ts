/**
 * The unary calls answered last. A second value for one of them says that it was a subscription, whose producer has to
 * be told to stop. `docs/spec/call.md` 7.2.
 *
 * @module
 */

import type { FramedStream } from './framed-stream.ts';

const capacity = 1024;

export class RecentAnswers {
  readonly #streams = new Map<string, FramedStream>();
  /** A ring beside the map: to find the oldest key of a Map means to walk over all that were deleted before it. */
  #ids: string[] = [];
  #at = 0;

  add(id: string, stream: FramedStream): void {
    const oldest = this.#ids[this.#at];
    if (oldest !== undefined) this.#streams.delete(oldest);
    this.#ids[this.#at] = id;
    this.#at = (this.#at + 1) % capacity;
    this.#streams.set(id, stream);
  }

  /** The stream that the call went out on; it is forgotten then. */
  take(id: string): FramedStream | undefined {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#streams.delete(id);
    return stream;
  }

  clear(): void {
    this.#streams.clear();
    this.#ids = [];
    this.#at = 0;
  }
}
