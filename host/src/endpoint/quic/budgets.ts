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

/**
 * Surplus is what has come and is not explained: bytes of datagrams less the bytes that streams gave for them, with room
 * for headers, acknowledgements and repeats. Data that waits behind a lost packet is surplus for a moment, and so is
 * data that nobody reads. What stays surplus is kept by quiche 0.18 without a bound of its own: CRYPTO frames after the
 * handshake, pieces of streams with holes between them, path challenges not yet answered, connection ids to be retired.
 * Memory for it is up to 30 bytes for each byte that came (measured: pieces of one byte).
 */
export const maxSurplus = 1.25 * largestWindow;
/** Surplus that may stay, and the milliseconds in which more than that must be outweighed by stream bytes. */
export const lastingSurplus = 512 * 1024;
export const surplusPeriod = 5_000;
/** Of each datagram: short header, tag, an acknowledgement, the head of a STREAM frame. */
const explained = 64;

/** What a peer did too much of. */
export type Excess = 'flood' | 'surplus';

export class FloodBudget {
  #count = 0;
  #since = 0;
  #full = 0;
  #answers = 0;
  #surplus = 0;
  /** Since when there is more surplus than may stay, and the stream bytes read since. */
  #surplusSince = Number.NaN;
  #readSince = 0;

  /** Stream bytes were read. */
  read(bytes: number): void {
    this.#count = 0;
    this.#full = 0;
    this.#readSince += bytes;
    // A quarter more, for what came twice.
    this.#explain(bytes + (bytes >> 2));
  }

  #explain(bytes: number): void {
    this.#surplus = Math.max(0, this.#surplus - bytes);
    if (this.#surplus <= lastingSurplus) this.#surplusSince = Number.NaN;
  }

  /** Stream bytes were taken to be sent; each datagram of them may be acknowledged by one or two. */
  sent(bytes: number): void {
    this.#count = 0;
    this.#full = 0;
    // Acknowledgements with many ranges, while packets are lost.
    this.#explain(bytes >> 3);
    this.#answers = Math.min(this.#answers + Math.ceil(bytes / bytesPerAnswer), maxAnswers);
  }

  /**
   * One more datagram came; which budget it is too much for, if any. `unread` tells whether data waits for a reader,
   * who may take all the time in the world.
   */
  received(now: number, bytes: number, unread: () => boolean): Excess | undefined {
    if (this.#isExcess(now, bytes, unread)) return 'surplus';
    return this.#isFlood(now, bytes) ? 'flood' : undefined;
  }

  #isExcess(now: number, bytes: number, unread: () => boolean): boolean {
    if (bytes <= explained) return false;
    this.#surplus += bytes - explained;
    if (this.#surplus <= lastingSurplus) return false;
    if (this.#surplus > maxSurplus) return true;
    if (Number.isNaN(this.#surplusSince)) {
      this.#surplusSince = now;
      this.#readSince = 0;
    }
    if (now - this.#surplusSince < surplusPeriod) return false;
    if (this.#readSince < this.#surplus && !unread()) return true;
    this.#surplusSince = now;
    this.#readSince = 0;
    return false;
  }

  #isFlood(now: number, bytes: number): boolean {
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

/** Refusals that the whole listener sends in any second. */
export const maxRefusalsPerSecond = 100;

export class RefusalBudget {
  /** When the last of them were sent, the oldest at `#next`. Milliseconds. */
  readonly #sent = new Float64Array(maxRefusalsPerSecond).fill(Number.NEGATIVE_INFINITY);
  #next = 0;

  /** `false`: keep silent. */
  take(now: number): boolean {
    if (now - (this.#sent[this.#next] ?? 0) < 1000) return false;
    this.#sent[this.#next] = now;
    this.#next = (this.#next + 1) % maxRefusalsPerSecond;
    return true;
  }
}
