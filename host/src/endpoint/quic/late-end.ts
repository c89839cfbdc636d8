/**
 * When the end of a stream may be sent by itself. Pure; the clock comes in. `docs/spec/endpoint.md` 6.3.
 *
 * quiche 0.18 takes the sending side of a stream for complete when all of its data is acknowledged, whether or not its
 * end has been, and forgets a stream that is complete on both sides: an end that was lost is then never sent again, and
 * the peer waits for it until the connection is over. An end that travels with the last data is safe, as it is
 * acknowledged with it. One that comes later is safe once that data is acknowledged. As reading the peer's end makes a
 * stream complete too, reading waits until our end has been acknowledged. On a path that never lost a packet nothing
 * waits: the end is sent at once, and again before the data can have been acknowledged.
 *
 * quiche does not tell what is acknowledged. But nothing is under way when only its idle timer runs; and while
 * other packets come and go, a lost one is found by those behind it and counted.
 *
 * @module
 */

/** Of `pathStats()`: packets since the connection began, and milliseconds of a round trip. */
export interface PathState {
  readonly lost: number;
  readonly sent: number;
  readonly recv: number;
  readonly rtt: number;
}

/** Of one look, milliseconds: the peer may acknowledge as late as that (RFC 9000 18.2, `max_ack_delay`). */
const acknowledgementDelay = 25;
const roundTrips = 3;
/** Packets each way behind one that is lost, within which quiche finds its loss: 3 (RFC 9002 6.1.1), up to 20 where they overtake each other. */
const telling = 24;
/** Milliseconds between two looks, at most. */
const maxPeriod = 3_000;
/** Milliseconds that anything waits, at most. */
const maxWait = 9_000;

export class LateEnd {
  #path: PathState;
  /** The next look. */
  #at: number;
  readonly #until: number;

  constructor(now: number, path: PathState) {
    this.#path = path;
    this.#at = now + period(path);
    this.#until = now + maxWait;
  }

  /** Milliseconds to wait before the next look; 0: no longer. `quiet`: nothing is under way. */
  wait(now: number, path: PathState, quiet: boolean): number {
    if (quiet || path.lost === 0 || now >= this.#until) return 0;
    if (now < this.#at) return this.#at - now;
    const { lost, sent, recv } = this.#path;
    if (path.lost !== lost) this.#path = path;
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
