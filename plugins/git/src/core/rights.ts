/**
 * Rights by repository and action, from the scopes of an identity. `docs/spec/git.md` 4. Pure.
 *
 * @module
 */

import type { Identity } from '@alknet/sdk';
import { matchesGlob } from './globs.ts';

export type Right = 'read' | 'write' | 'create' | 'delete' | 'admin';

/** The scope words that give a right. */
const givenBy: Readonly<Record<Right, readonly Right[]>> = {
  read: ['read', 'write', 'admin'],
  write: ['write', 'admin'],
  create: ['create', 'admin'],
  delete: ['delete', 'admin'],
  admin: ['admin'],
};

/** Nobody has no right. */
export function may(identity: Identity | null, right: Right, name: string): boolean {
  if (identity === null) return false;
  return identity.scopes.some((scope) => {
    const [, word, glob] = /^git:(read|write|create|delete|admin):(.+)$/.exec(scope) ?? [];
    return givenBy[right].some((each) => each === word) && grants(glob ?? '', identity.id, name);
  });
}

function grants(glob: string, id: string, name: string): boolean {
  if (!glob.includes('{peer}')) return matchesGlob(glob, name);
  // An id that a plugin asserted may hold more than a peer id does; it must not become a pattern.
  return /^[A-Za-z0-9._-]+$/.test(id) && matchesGlob(glob.replaceAll('{peer}', id), name);
}
