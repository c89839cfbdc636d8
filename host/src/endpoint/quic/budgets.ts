/**
 * What one peer may cost in a turn, and without making progress. `docs/spec/endpoint.md` 6.3. Pure; the clock comes in.
 *
 * @module
 */

/** Datagrams that one connection sends in one turn of the event loop. */
export const maxDatagramsPerTurn = 64;

/** Bytes delivered to one stream in one turn. */
export const maxStreamBytesPerTurn = 256 * 1024;

/**
 * A sender that fills our receive window while nobody reads makes no progress here either, and is no flood: full
 * datagrams up to the largest window are not counted.
 */
const fullDatagram = 1000;
const largestWindow = 16 * 1024 * 1024;
/** Of what we send, for each datagram that comes back for it. */
const bytesPerAnswer = 500;
const maxAnswers = largestWindow / bytesPerAnswer;

/** Datagrams received within `floodPeriod` milliseconds without one stream byte going either way. */
export const maxIdleDatagrams = 1000;
export const floodPeriod = 10_000;

export class FloodBudget {
  #count = 0;
  #since = 0;
  #full = 0;
  #answers = 0;

  /** Stream bytes were read. */
  read(): void {
    this.#count = 0;
    this.#full = 0;
  }

  /** Stream bytes were taken to be sent; each datagram of them may be acknowledged by one or two. */
  sent(bytes: number): void {
    this.read();
    this.#answers = Math.min(this.#answers + Math.ceil(bytes / bytesPerAnswer), maxAnswers);
  }

  /** One more datagram came; `true` when that is one too many. */
  received(now: number, bytes: number): boolean {
    if (bytes >= fullDatagram && this.#full < largestWindow) {
      this.#full += bytes;
      return false;
    }
    if (this.#answers > 0) {
      this.#answers--;
      return false;
    }
    if (this.#count === 0 || now - this.#since > floodPeriod) {
      this.#since = now;
      this.#count = 0;
    }
    return ++this.#count > maxIdleDatagrams;
  }
}
