/**
 * When the end of a stream may be sent by itself. Pure; the clock comes in. `docs/spec/endpoint.md` 6.3.
 *
 * quiche 0.18 takes the sending side of a stream for complete when all of its data is acknowledged, whether or not its
 * end has been, and forgets a stream that is complete on both sides: an end that was lost is then never sent again, and
 * the peer waits for it until the connection is over. An end that travels with the last data is safe, as it is
 * acknowledged with it. One that comes later is safe once that data is acknowledged. As reading the peer's end makes a
 * stream complete too, reading waits until our end has been acknowledged. On a path that never lost a packet nothing
 * waits.
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
/** Packets each way behind one that is lost, within which its loss is found (RFC 9002 6.1.1: 3). */
const telling = 8;
/** Looks in a row; nothing waits longer than that. */
const maxLooks = 40;

export class LateEnd {
  #path: PathState;
  #at: number;
  #looks = 0;

  constructor(now: number, path: PathState) {
    this.#path = path;
    this.#at = now + period(path);
  }

  /** Milliseconds to wait before the next look; 0: no longer. `quiet`: nothing is under way. */
  wait(now: number, path: PathState, quiet: boolean): number {
    if (quiet || path.lost === 0) return 0;
    if (now < this.#at) return this.#at - now;
    const { lost, sent, recv } = this.#path;
    if (path.lost === lost && path.sent - sent >= telling && path.recv - recv >= telling) return 0;
    if (++this.#looks >= maxLooks) return 0;
    this.#path = path;
    this.#at = now + period(path);
    return this.#at - now;
  }
}

/** An acknowledgement that was lost makes the measured round trip long: no more than is of use. */
function period({ rtt }: PathState): number {
  return Math.min(roundTrips * rtt, 200) + acknowledgementDelay;
}
