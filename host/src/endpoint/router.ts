/**
 * Which running plugin owns which ALPN, and what each listener offers because of it. `docs/spec/endpoint.md` 2 and 5.
 *
 * @module
 */

import { acmeAlpn, claimProblem, inPreferenceOrder, offeredOn } from './alpn.ts';
import type { TransportKind } from './engine.ts';
import type { AlpnOwner } from './owner.ts';

/** A plugin claims an ALPN that it may not have. */
export class AlpnClaimError extends Error {
  override readonly name = 'AlpnClaimError';
}

export class AlpnRouter {
  private owners = new Map<string, AlpnOwner>();

  owner(alpn: string): AlpnOwner | undefined {
    return this.owners.get(alpn);
  }

  /**
   * Puts `next` in the place of `previous` in one step; either may be absent. When a claim is refused nothing has
   * changed.
   *
   * @throws AlpnClaimError
   */
  exchange(previous: AlpnOwner | undefined, next: AlpnOwner | undefined): void {
    const owners = new Map([...this.owners].filter(([, owner]) => owner !== previous));
    for (const alpn of next?.alpns ?? []) {
      if (next === undefined) break;
      const problem = claimProblem(alpn, next);
      if (problem !== undefined) {
        throw new AlpnClaimError(`plugin ${next.name} claims ALPN ${JSON.stringify(alpn)}: ${problem}`);
      }
      const holder = owners.get(alpn);
      if (holder !== undefined) {
        throw new AlpnClaimError(
          `plugin ${next.name} claims ALPN ${alpn}, which plugin ${holder.name} owns; disable one of the two`,
        );
      }
      owners.set(alpn, next);
    }
    this.owners = owners;
  }

  /** The list of one listener, in order of preference. */
  offered(transport: TransportKind, filter: readonly string[] | undefined, acme: boolean): string[] {
    const names: string[] = [];
    for (const [alpn, owner] of this.owners) {
      if (!offeredOn(alpn, transport)) continue;
      if (owner.listeners !== undefined && !owner.listeners.includes(transport)) continue;
      if (filter !== undefined && !filter.includes(alpn)) continue;
      names.push(alpn);
    }
    if (acme && offeredOn(acmeAlpn, transport)) names.push(acmeAlpn);
    return inPreferenceOrder(names);
  }
}
