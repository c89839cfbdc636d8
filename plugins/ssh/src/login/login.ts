/**
 * Who has logged in, and what the key that was used allows beside the rights of the identity.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';

/** What the options of a key line or a certificate take away. */
export interface Restrictions {
  readonly pty: boolean;
  readonly forwarding: boolean;
  /** Runs instead of what is asked for. */
  readonly command: string | undefined;
  /** `host:port`, of which each open must fit one; empty: no restriction. */
  readonly permitOpen: readonly string[];
  /** `[host:]port`, likewise for listeners. */
  readonly permitListen: readonly string[];
}

export const unrestricted: Restrictions = {
  pty: true,
  forwarding: true,
  command: undefined,
  permitOpen: [],
  permitListen: [],
};

export interface Login {
  readonly user: string;
  /** Normal form of the key. */
  readonly key: string;
  /** Id of the identity: a peer's, or `ssh:` and a principal. */
  readonly peer: string;
  readonly restrictions: Restrictions;
  /** With the rights of this moment; `undefined` when it is no more. */
  identity(): Identity | undefined;
  /** Why the key would be refused now, or for another identity than then. */
  lapsed(): string | undefined;
}

export function hasScope(login: Login, scope: string): boolean {
  return login.identity()?.scopes.includes(scope) === true;
}
