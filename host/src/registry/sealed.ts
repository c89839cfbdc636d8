/**
 * Identities that handlers see are the very objects that later checks look at, so nobody may change them.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';

const known = new WeakSet<Identity>();

/** The same object, frozen with its lists. */
export function sealed<Value extends Identity | null>(identity: Value): Value {
  if (identity === null || known.has(identity)) return identity;
  Object.freeze(identity);
  Object.freeze(identity.scopes);
  Object.freeze(identity.resources);
  for (const words of Object.values(identity.resources)) Object.freeze(words);
  known.add(identity);
  return identity;
}
