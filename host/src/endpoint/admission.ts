/**
 * The limits that are looked at before a handshake costs anything. Counting and admission are one step; a place comes
 * back exactly once. `docs/spec/endpoint.md` 11.
 *
 * @module
 */

import type { RemoteAddress } from '@alknet/sdk';
import { addressPrefix } from './address.ts';
import type { HandshakeFailure, Slot } from './engine.ts';
import type { EndpointSettings } from './owner.ts';

type Limits = Pick<
  EndpointSettings,
  'connections' | 'connectionsPerAddress' | 'handshakes' | 'handshakesPerAddress' | 'authFailuresPerAddress'
>;

/** Window and length of a block. */
const authWindow = 60_000;

export class Admission {
  readonly failures: Partial<Record<HandshakeFailure, number>> = {};
  private readonly limits: Limits;
  private readonly now: () => number;
  private readonly held = new Tally();
  private readonly handshaking = new Tally();
  private readonly authFailures: AuthFailures;
  private acceptedTotal = 0;

  /** `limits` is read at each use. */
  constructor(limits: Limits, now: () => number = () => performance.now()) {
    this.limits = limits;
    this.now = now;
    this.authFailures = new AuthFailures();
  }

  /** Handshakes under way and live connections. */
  get live(): { readonly handshakes: number; readonly connections: number } {
    return { handshakes: this.handshaking.total, connections: this.held.total - this.handshaking.total };
  }

  get accepted(): number {
    return this.acceptedTotal;
  }

  /** A place, or the key of the limit that is full. */
  enter(remote: RemoteAddress): Slot | string {
    const { limits } = this;
    const prefix = addressPrefix(remote.address);
    if (this.blocked(remote)) return 'limits.authFailuresPerAddress';
    if (this.held.total >= limits.connections) return 'limits.connections';
    if (limits.connectionsPerAddress > 0 && this.held.of(prefix) >= limits.connectionsPerAddress) {
      return 'limits.connectionsPerAddress';
    }
    if (this.handshaking.total >= limits.handshakes) return 'limits.handshakes';
    if (this.handshaking.of(prefix) >= limits.handshakesPerAddress) return 'limits.handshakesPerAddress';
    this.held.add(prefix);
    this.handshaking.add(prefix);
    return this.slot(prefix);
  }

  /** A credential from there did not resolve. */
  authFailed(remote: RemoteAddress): void {
    if (this.limits.authFailuresPerAddress === 0) return;
    this.authFailures.add(addressPrefix(remote.address), this.limits.authFailuresPerAddress, this.now());
  }

  /** Whether connections and credentials from there are not even looked at. */
  blocked(remote: RemoteAddress): boolean {
    if (this.limits.authFailuresPerAddress === 0) return false;
    return this.authFailures.blocked(addressPrefix(remote.address), this.now());
  }

  private slot(prefix: string): Slot {
    let state: 'handshaking' | 'live' | 'released' = 'handshaking';
    return {
      established: () => {
        if (state !== 'handshaking') return;
        state = 'live';
        this.acceptedTotal++;
        this.handshaking.remove(prefix);
      },
      release: (cause) => {
        if (state === 'released') return;
        if (state === 'handshaking') this.handshaking.remove(prefix);
        state = 'released';
        this.held.remove(prefix);
        if (cause !== undefined) this.failures[cause] = (this.failures[cause] ?? 0) + 1;
      },
    };
  }
}

/** Counts by key; a key at zero takes no memory. */
export class Tally {
  private readonly counts = new Map<string, number>();
  total = 0;

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.total++;
    this.counts.set(key, this.of(key) + 1);
  }

  remove(key: string): void {
    this.total--;
    const count = this.of(key) - 1;
    if (count > 0) this.counts.set(key, count);
    else this.counts.delete(key);
  }

  get keys(): number {
    return this.counts.size;
  }
}

interface Failures {
  count: number;
  /** End of the window, or of the block. */
  until: number;
  blocked: boolean;
}

const maxAddresses = 65_536;

class AuthFailures {
  private readonly addresses = new Map<string, Failures>();

  add(prefix: string, limit: number, now: number): void {
    let entry = this.addresses.get(prefix);
    if (entry === undefined || entry.until <= now) {
      entry = { count: 0, until: now + authWindow, blocked: false };
      this.addresses.delete(prefix);
      this.makeRoom(now);
      this.addresses.set(prefix, entry);
    }
    entry.count++;
    if (entry.count > limit && !entry.blocked) {
      entry.blocked = true;
      entry.until = now + authWindow;
    }
  }

  blocked(prefix: string, now: number): boolean {
    const entry = this.addresses.get(prefix);
    return entry?.blocked === true && entry.until > now;
  }

  /** Entries stand in order of their beginning, so what is over is in front. */
  private makeRoom(now: number): void {
    for (const [prefix, entry] of this.addresses) {
      if (entry.until > now && this.addresses.size < maxAddresses) return;
      this.addresses.delete(prefix);
    }
  }
}
