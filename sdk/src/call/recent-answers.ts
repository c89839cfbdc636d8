/**
 * The unary calls answered last. A second value for one of them says that it was a subscription, whose producer has to
 * be told to stop. `docs/spec/call.md` 7.2.
 *
 * @module
 */

import type { EnvelopeStream } from './envelope-stream.ts';

const capacity = 1024;

export class RecentAnswers {
  /** A ring, searched only when something comes that nobody waits for. */
  #ids: (string | undefined)[] = [];
  #streams: (EnvelopeStream | undefined)[] = [];
  #at = 0;

  add(id: string, stream: EnvelopeStream): void {
    this.#ids[this.#at] = id;
    this.#streams[this.#at] = stream;
    this.#at = (this.#at + 1) % capacity;
  }

  /** The stream that the call went out on; it is forgotten then. */
  take(id: string): EnvelopeStream | undefined {
    const at = this.#ids.lastIndexOf(id);
    const stream = this.#streams[at];
    if (at !== -1) this.#ids[at] = this.#streams[at] = undefined;
    return stream;
  }

  clear(): void {
    this.#ids = [];
    this.#streams = [];
    this.#at = 0;
  }
}
