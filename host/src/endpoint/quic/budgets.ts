/**
 * What one peer may cost in a turn, and without making progress. `docs/spec/endpoint.md` 6.3. Pure; the clock comes in.
 *
 * @module
 */

/** Datagrams that one connection sends in one turn of the event loop. */
export const maxDatagramsPerTurn = 64;

/** Bytes delivered to one stream in one turn. */
export const maxStreamBytesPerTurn = 256 * 1024;

/** Datagrams received within `floodPeriod` milliseconds without one stream byte going either way. */
export const maxIdleDatagrams = 1000;
export const floodPeriod = 10_000;

export class FloodBudget {
  #count = 0;
  #since = 0;

  /** A stream byte went either way. */
  progressed(): void {
    this.#count = 0;
  }

  /** One more datagram came; `true` when that is one too many. */
  received(now: number): boolean {
    if (this.#count === 0 || now - this.#since > floodPeriod) {
      this.#since = now;
      this.#count = 0;
    }
    return ++this.#count > maxIdleDatagrams;
  }
}
