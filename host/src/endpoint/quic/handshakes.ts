/**
 * Handshakes under way: clients whose address is proven, each with its place in the limits and the time at which it is
 * given up. Pure; the clock comes in.
 *
 * @module
 */

import type { RemoteAddress } from '@alknet/sdk';
import type { Slot } from '../engine.ts';
import type { HelloAssembly } from './hello-assembly.ts';
import type { ConnectionIdKey } from './packet.ts';

export interface Handshake {
  readonly key: ConnectionIdKey;
  readonly remote: RemoteAddress;
  /** Destination id of the client's very first Initial. */
  readonly original: Uint8Array;
  readonly assembly: HelloAssembly;
  /** All that it has sent with a token, until a connection takes them. */
  readonly datagrams: Buffer[];
  readonly slot: Slot;
  /** When it is given up. Milliseconds. */
  readonly deadline: number;
}

export class Handshakes {
  readonly #underWay = new Map<ConnectionIdKey, Handshake>();
  /** Those whose ClientHello is not complete: no connection carries them. */
  readonly #pending = new Set<ConnectionIdKey>();
  #earliest = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#underWay.size;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get(key: ConnectionIdKey): Handshake | undefined {
    return this.#underWay.get(key);
  }

  begin(handshake: Handshake): void {
    this.#underWay.set(handshake.key, handshake);
    this.#pending.add(handshake.key);
    this.#earliest = Math.min(this.#earliest, handshake.deadline);
  }

  /** A connection has been made for it. */
  carried(key: ConnectionIdKey): void {
    this.#pending.delete(key);
  }

  /** Complete or failed. `undefined` when it was over before. */
  end(key: ConnectionIdKey): Handshake | undefined {
    const handshake = this.#underWay.get(key);
    this.#underWay.delete(key);
    this.#pending.delete(key);
    return handshake;
  }

  /** Infinite while there is none. Never too late; too early when the earliest has ended since. */
  get nextExpiry(): number {
    return this.#underWay.size === 0 ? Number.POSITIVE_INFINITY : this.#earliest;
  }

  /** Those whose time is over. */
  late(now: number): ConnectionIdKey[] {
    this.#earliest = Number.POSITIVE_INFINITY;
    const late: ConnectionIdKey[] = [];
    for (const { key, deadline } of this.#underWay.values()) {
      if (deadline <= now) late.push(key);
      else this.#earliest = Math.min(this.#earliest, deadline);
    }
    return late;
  }
}
