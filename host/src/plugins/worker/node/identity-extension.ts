/**
 * Identities among the arguments of contributed functions: the thread can hand back what the host gave out.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';
import type { GivenOut } from '../given.ts';
import type { Extension } from '../portable.ts';

export function identityExtension(identities: GivenOut<Identity>): Extension {
  return {
    encode: (value) => (isIdentity(value) ? identities.give(value) : undefined),
    decode: (picture) => {
      const { ref, own } = picture as { ref?: number; own?: Identity };
      return ref === undefined ? own : identities.object(ref);
    },
  };
}

/** By its form: that is all that tells one. */
export function isIdentity(value: object): value is Identity {
  const { id, scopes, resources } = value as Partial<Record<string, unknown>>;
  return (
    typeof id === 'string' &&
    Array.isArray(scopes) &&
    typeof resources === 'object' &&
    resources !== null &&
    Object.keys(value).length === 3
  );
}
