/**
 * When the end of a stream may be sent by itself. Pure; the clock comes in. `docs/spec/endpoint.md` 6.3.
 *
 * quiche 0.18 takes the sending side of a stream for complete when all of its data is acknowledged, whether or not its
 * end has been, and forgets a stream that is complete on both sides: an end that was lost is then never sent again, and
 * the peer waits for it until the connection is over. An end that travels with the last data is safe, as it is
 * acknowledged with it. One that comes later is safe once that data is acknowledged. As reading the peer's end makes a
 * stream complete too, reading waits until our end has been acknowledged. On a path that never lost a packet an end
 * waits until it can be sent at once, and is sent again before the data can have been acknowledged.
 *
 * quiche does not tell what is acknowledged. But nothing is under way when only its idle timer runs; while other packets
 * come and go, a lost one is found by those behind it and counted; and where more than the congestion window holds has
 * been sent since, what went before is acknowledged or counted as lost.
 *
 * @module
 */

/** Of `pathStats()`: packets since the connection began, and milliseconds of a round trip. */
export interface PathState {
  readonly lost: number;
  readonly sent: number;
  readonly recv: number;
  readonly rtt: number;
  /** Bytes since the connection began. */
  readonly sentBytes: number;
  /** Bytes that may be under way. */
  readonly cwnd: number;
}

/** What else is known at a look. */
export interface Look {
  /** Nothing is under way. */
  readonly quiet: boolean;
  /** All that was given to quiche has been sent, and so is at once what is given now. */
  readonly allSent: boolean;
}

/** Of one look, milliseconds: the peer may acknowledge as late as that (RFC 9000 18.2, `max_ack_delay`). */
const acknowledgementDelay = 25;
const roundTrips = 3;
/** Packets each way behind one that is lost, within which quiche finds its loss: 3 (RFC 9002 6.1.1), up to 20 where they overtake each other. */
const telling = 24;
/** Congestion windows: what is under way, and what quiche may have been given beyond that. */
const windows = 3;
/** Milliseconds between two looks, at most. */
const maxPeriod = 3_000;
/** Milliseconds that anything waits, at most. */
const maxWait = 9_000;

export class LateEnd {
  /** Since when packets that come and go are counted. */
  #path: PathState;
  /** All that the stream was given has been sent. */
  #allSent = false;
  /** Of `sentBytes`: when so much has been sent, all that was given in the beginning has been. */
  readonly #sentBy: number;
  /** The next look. */
  #at: number;
  readonly #until: number;

  constructor(now: number, path: PathState) {
    this.#path = path;
    this.#sentBy = path.sentBytes + windows * path.cwnd;
    this.#at = now + period(path);
    this.#until = now + maxWait;
  }

  /** Milliseconds to wait before the next look; 0: no longer. */
  wait(now: number, path: PathState, { quiet, allSent }: Look): number {
    if (quiet || now >= this.#until) return 0;
    if (!this.#allSent && (allSent || path.sentBytes >= this.#sentBy)) {
      this.#allSent = true;
      this.#path = path;
    }
    if (this.#allSent && path.lost === 0) return 0;
    if (now < this.#at) return this.#at - now;
    const { lost, sent, recv } = this.#path;
    if (!this.#allSent || path.lost !== lost) this.#path = path;
    else if (path.sent - sent >= telling && path.recv - recv >= telling) return 0;
    this.#at = Math.min(now + period(path), this.#until);
    return this.#at - now;
  }
}

function period({ rtt }: PathState): number {
  return Math.min(roundTrips * rtt + acknowledgementDelay, maxPeriod);
}

/** Times that an end is sent again on a path that never lost a packet. */
export const repeats = 2;

/** Milliseconds until it is: both times before its data, sent just before it, can have been acknowledged. */
export function repeatAfter({ rtt }: PathState): number {
  return Math.min(Math.max(1, rtt / 4), 100);
}
