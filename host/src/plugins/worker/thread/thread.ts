/**
 * What the parts of a plugin's thread share.
 *
 * @module
 */

import type { AuthContext, Identity } from '@alknet/sdk';
import { GivenCopies } from '../given.ts';
import type { Link } from '../link.ts';
import type { GivenAuth, HostMethods, IdentityData, ThreadMethods } from '../protocol.ts';

export type HostLink = Link<ThreadMethods, HostMethods>;

/** Identities and AuthContexts of the host, as this thread has them. */
export class HostObjects {
  readonly #identities: GivenCopies<Identity>;
  readonly #auths: GivenCopies<AuthContext>;

  constructor(link: HostLink) {
    this.#identities = new GivenCopies((ref, times) => link.tell('released', 'identity', ref, times));
    this.#auths = new GivenCopies((ref, times) => link.tell('released', 'auth', ref, times));
  }

  identity(given: { readonly ref: number; readonly value: Identity }): Identity {
    return this.#identities.take(given, sealed);
  }

  auth({ context, identity }: GivenAuth): AuthContext {
    const known = identity === null ? null : this.identity(identity);
    const { ref, value } = context;
    return this.#auths.take({ ref, value: { ...value, identity: known } }, Object.freeze);
  }

  /** As it goes back to the host. */
  identityData(identity: Identity | null | undefined): IdentityData {
    if (identity === null || identity === undefined) return null;
    const ref = this.#identities.ref(identity);
    return ref === undefined ? { own: identity } : { ref };
  }

  identityRef(identity: Identity): number | undefined {
    return this.#identities.ref(identity);
  }

  authRef(auth: AuthContext): number | undefined {
    return this.#auths.ref(auth);
  }
}

/** As the host's own are: a handler cannot change what another one sees. */
function sealed(identity: Identity): Identity {
  Object.freeze(identity.scopes);
  Object.freeze(identity.resources);
  for (const words of Object.values(identity.resources)) Object.freeze(words);
  return Object.freeze(identity);
}
