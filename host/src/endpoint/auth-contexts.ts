/**
 * The AuthContexts and identities that this endpoint made, so that a plugin's own making can be told from them.
 *
 * @module
 */

import type { AuthContext, Connection, Identity } from '@alknet/sdk';

const nobody = {};

export class AuthContexts {
  private readonly given = new WeakSet<AuthContext>();
  private readonly asserted = new WeakSet<Identity>();
  private readonly callers = new WeakMap<Connection, WeakMap<object, AuthContext>>();

  /** The same content, frozen and remembered. */
  give(content: AuthContext): AuthContext {
    const context = Object.freeze({ ...content });
    this.given.add(context);
    return context;
  }

  has(context: AuthContext): boolean {
    return this.given.has(context);
  }

  /** The context of a caller on a connection; the same object for the same caller. */
  ofCaller(connection: Connection, identity: Identity | null): AuthContext {
    let callers = this.callers.get(connection);
    if (callers === undefined) {
      callers = new WeakMap();
      this.callers.set(connection, callers);
    }
    const key = identity ?? nobody;
    let context = callers.get(key);
    if (context === undefined) {
      // The credential was that of a request: the certificate of the connection has no part in it.
      context = this.give({ ...connection.auth, fingerprint: null, identity });
      callers.set(key, context);
    }
    return context;
  }

  /** An identity that a plugin established itself and the host has cut to its grant. */
  admit(identity: Identity): void {
    this.asserted.add(identity);
  }

  admitted(identity: Identity): boolean {
    return this.asserted.has(identity);
  }
}
