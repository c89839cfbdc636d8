/**
 * When a QUIC connection is to be woken: for quiche's loss and idle time-outs, to keep it alive, to close it although its
 * handshake was never confirmed, and to forget it at last. Pure; the clock comes in, so that a test lets hours pass.
 * `docs/spec/endpoint.md` 6.4.
 *
 * @module
 */

import type { Clock, Timer } from './clock.ts';

/** What an alarm wakes. */
export interface Wakeable {
  /** Milliseconds until the library wants to be told of the time; 0: now; `null`: never. */
  timeout(): number | null;
  /** Tells it. */
  onTimeout(): void;
  /** Sends what there is to send, and arms the alarm anew. */
  work(): void;
  /** Sends something that the peer acknowledges. */
  ping(): void;
  /** The last straggler has been waited for. */
  forget(): void;
}

/** Milliseconds that a close waits for the handshake to be confirmed. */
const confirmationTime = 500;
/** Milliseconds after the close in which stragglers are answered with it. */
const farewellTime = 3_000;

export class ConnectionAlarm {
  readonly #clock: Clock;
  readonly #connection: Wakeable;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #keepAlive: Timer | undefined;
  #confirmation: Timer | undefined;
  /** The close that waits for the confirmation. */
  #held: (() => void) | undefined;
  #farewell: Timer | undefined;
  #lastSent: number;
  #ended = false;
  #over = false;
  readonly #expire = () => {
    this.#timer = undefined;
    // The library may have put it off since.
    const left = this.#connection.timeout();
    if (left !== null && left <= 0) this.#connection.onTimeout();
    this.#connection.work();
  };

  constructor(clock: Clock, connection: Wakeable) {
    this.#clock = clock;
    this.#connection = connection;
    this.#lastSent = clock.now();
  }

  /** To be called after every turn. Costs a timer only when the library wants to be told earlier than it was to be. */
  arm(): void {
    if (this.#over) return;
    const timeout = this.#connection.timeout();
    if (timeout === null) return;
    const at = this.#clock.now() + timeout;
    // An earlier timer looks again when it rings; only a later one must be brought forward.
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(1, timeout + 1), this.#expire);
    if (this.#ended) this.#timer.unref();
  }

  /** Datagrams have just left. */
  sent(): void {
    this.#lastSent = this.#clock.now();
  }

  /** From now on a PING is sent whenever `period` milliseconds have passed without sending. */
  keepAlive(period: number): void {
    if (this.#ended) return;
    const look = () => {
      const idle = this.#clock.now() - this.#lastSent;
      if (idle >= period) this.#connection.ping();
      next(idle >= period ? period : period - idle);
    };
    const next = (milliseconds: number) => {
      this.#keepAlive = this.#clock.after(milliseconds, look);
      this.#keepAlive.unref();
    };
    this.#keepAlive?.cancel();
    next(period);
  }

  /** Calls `close` when the handshake is confirmed, or has not been for half a second. */
  whenConfirmed(close: () => void): void {
    this.#held = close;
    this.#confirmation = this.#clock.after(confirmationTime, () => this.confirmed());
  }

  /** Whether a close waits for the confirmation. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The handshake is confirmed. */
  confirmed(): void {
    const close = this.#held;
    this.#held = undefined;
    this.#confirmation?.cancel();
    close?.();
  }

  /** The connection has ended. What is left is to answer stragglers with the close: no reason to keep a process alive. */
  ended(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    this.#keepAlive?.cancel();
    this.#timer?.unref();
    this.#farewell = this.#clock.after(farewellTime, () => this.#connection.forget());
    this.#farewell.unref();
  }

  /** Nothing rings any more. */
  stop(): void {
    this.#over = true;
    this.#ended = true;
    this.#held = undefined;
    for (const timer of [this.#timer, this.#keepAlive, this.#confirmation, this.#farewell]) timer?.cancel();
  }
}
