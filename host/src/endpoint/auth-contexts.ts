/**
 * The AuthContexts and identities that this endpoint made, so that a plugin's own making can be told from them.
 *
 * @module
 */

import type { AuthContext, Identity } from '@alknet/sdk';

export class AuthContexts {
  private readonly given = new WeakSet<AuthContext>();
  private readonly asserted = new WeakSet<Identity>();

  /** The same content, frozen and remembered. */
  give(content: AuthContext): AuthContext {
    const context = Object.freeze({ ...content });
    this.given.add(context);
    return context;
  }

  has(context: AuthContext): boolean {
    return this.given.has(context);
  }

  /** An identity that a plugin established itself and the host has cut to its grant. */
  admit(identity: Identity): void {
    this.asserted.add(identity);
  }

  admitted(identity: Identity): boolean {
    return this.asserted.has(identity);
  }
}
