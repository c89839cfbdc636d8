/**
 * Identities among the arguments of contributed functions, as this thread has them.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';
import { isIdentity } from '../node/identity-extension.ts';
import type { Extension } from '../portable.ts';
import type { HostObjects } from './thread.ts';

export function portableIdentities(objects: HostObjects): Extension {
  return {
    encode: (value) => (isIdentity(value) ? objects.identityData(value) : undefined),
    decode: (picture) => objects.identity(picture as { ref: number; value: Identity }),
  };
}
