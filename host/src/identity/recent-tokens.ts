/**
 * The token that resolved last for each connection: a client sends the same one with each request.
 *
 * A connection is compared with its own last token only, so that the time it takes tells nobody of the token of
 * another; the look-up proper is in constant time (`docs/spec/identity.md` 5).
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { Identity, RemoteAddress } from '@alknet/sdk';

/** Milliseconds after which it is looked up anew: uses of tokens are noted as often, and blocked addresses met. */
const lifetime = 1000;

interface Recent {
  readonly token: string;
  readonly identity: Identity;
  readonly until: number;
}

export class RecentTokens {
  /** By the object that stands for the far end of a connection. */
  #recent = new WeakMap<RemoteAddress, Recent>();

  get(remote: RemoteAddress, token: string): Identity | undefined {
    const recent = this.#recent.get(remote);
    return recent !== undefined && recent.token === token && performance.now() < recent.until
      ? recent.identity
      : undefined;
  }

  set(remote: RemoteAddress, token: string, identity: Identity): void {
    this.#recent.set(remote, { token, identity, until: performance.now() + lifetime });
  }

  /** The peers have changed, or one has expired. */
  clear(): void {
    this.#recent = new WeakMap();
  }
}
