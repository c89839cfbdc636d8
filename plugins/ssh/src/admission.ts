/**
 * How many connections there may be: of an address, not yet logged in, of an identity. A place is taken in one step and
 * given back exactly once. `docs/spec/ssh.md` 9.
 *
 * @module
 */

import { isIPv6 } from 'node:net';

export interface AdmissionLimits {
  readonly maxConnectionsPerAddress: number;
  readonly maxUnauthenticated: number;
  readonly maxConnectionsPerIdentity: number;
}

/** Not yet logged in, of all addresses together. */
const maxUnauthenticatedInTotal = 64;

export interface Place {
  /** `false`: the identity has as many as it may. */
  loggedIn(identity: string): boolean;
  free(): void;
}

export class Admission {
  readonly #limits: () => AdmissionLimits;
  readonly #byBucket = new Map<string, { connections: number; unauthenticated: number }>();
  readonly #byIdentity = new Map<string, number>();
  #unauthenticated = 0;

  /** Read at each use. */
  constructor(limits: () => AdmissionLimits) {
    this.#limits = limits;
  }

  /** `undefined`: there is no place. */
  enter(address: string | undefined, fingerprint: string | null): Place | undefined {
    const { maxConnectionsPerAddress, maxUnauthenticated } = this.#limits();
    const bucket = address === undefined ? (fingerprint ?? 'unknown') : bucketOf(address);
    const count = this.#byBucket.get(bucket) ?? { connections: 0, unauthenticated: 0 };
    if (
      count.connections >= maxConnectionsPerAddress ||
      count.unauthenticated >= maxUnauthenticated ||
      this.#unauthenticated >= maxUnauthenticatedInTotal
    )
      return undefined;
    count.connections++;
    count.unauthenticated++;
    this.#unauthenticated++;
    this.#byBucket.set(bucket, count);
    return this.#place(bucket, count);
  }

  #place(bucket: string, count: { connections: number; unauthenticated: number }): Place {
    let state: 'waiting' | 'in' | 'free' = 'waiting';
    let identity: string | undefined;
    const known = () => {
      count.unauthenticated--;
      this.#unauthenticated--;
    };
    return {
      loggedIn: (id) => {
        const of = this.#byIdentity.get(id) ?? 0;
        if (state !== 'waiting' || of >= this.#limits().maxConnectionsPerIdentity) return false;
        known();
        state = 'in';
        identity = id;
        this.#byIdentity.set(id, of + 1);
        return true;
      },
      free: () => {
        if (state === 'free') return;
        if (state === 'waiting') known();
        state = 'free';
        if (--count.connections === 0) this.#byBucket.delete(bucket);
        if (identity === undefined) return;
        const of = (this.#byIdentity.get(identity) ?? 1) - 1;
        if (of === 0) this.#byIdentity.delete(identity);
        else this.#byIdentity.set(identity, of);
      },
    };
  }
}

/** The address, or the first 64 bits of an IPv6 one: whoever has one has all of them. */
export function bucketOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
  if (tail !== undefined) while (groups.length < 8 - after) groups.push('0');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const network = [...groups, ...rest].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
