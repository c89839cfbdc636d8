/**
 * Who is shown what. What a caller does not see is, for every answer, the same as what does not exist.
 * `docs/spec/registry.md` 12.
 *
 * @module
 */

import { type Identity, isVisible } from '@alknet/sdk';
import type { Shown } from './base.ts';
import type { Registration } from './registration.ts';
import type { Registry } from './registry.ts';

/** Whether an operation is shown to the caller at all. */
export function isShown({ visibility, access }: Shown, identity: Identity | null): boolean {
  return visibility !== 'internal' && isVisible(access, identity);
}

/** External operations that the caller may see, by name. */
export function visibleTo(registry: Registry, identity: Identity | null): Registration[] {
  return registry.base.all().filter(({ operation }) => isShown(operation, identity));
}
