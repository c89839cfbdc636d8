/**
 * What a push may do, decided on the whole set of its updates before any ref moves. `docs/spec/git.md` 6. Pure: what
 * needs git or the disk comes in as facts.
 *
 * @module
 */

import { matchesGlob } from './globs.ts';
import { isPushable } from './ref-names.ts';

export type UpdateKind = 'create' | 'update' | 'delete';

/** `old` and `new` are object ids, zeros for absent. */
export interface Update {
  readonly ref: string;
  readonly old: string;
  readonly new: string;
}

/** An update with what git says of it. */
export interface ExaminedUpdate extends Update {
  readonly kind: UpdateKind;
  /** Not a fast-forward. */
  readonly forced: boolean;
  /** Of the new object: `commit`, `tag`, `tree`, `blob`; absent for a deletion. */
  readonly type?: string;
}

export interface Protection {
  /** Glob over refs. */
  readonly ref: string;
  /** Peer ids or scopes. */
  readonly principals: readonly string[];
}

export interface PushRules {
  readonly allowForce: readonly string[];
  readonly allowDelete: readonly string[];
  readonly allowTagUpdate: readonly string[];
  readonly protect: readonly Protection[];
  readonly maxRefs: number;
  /** Bytes of the repository after the push. */
  readonly maxRepoSize: number;
}

export interface Pusher {
  readonly id: string;
  readonly scopes: readonly string[];
  /** Holds `git:admin` on the repository. */
  readonly admin: boolean;
}

export interface Refusal {
  readonly ref: string;
  readonly reason: string;
}

export function kindOf({ old, new: id }: Update): UpdateKind {
  if (isZero(id)) return 'delete';
  return isZero(old) ? 'create' : 'update';
}

export const isZero = (id: string) => /^0+$/.test(id);

/** Empty: the push is accepted. */
export function decide(
  rules: PushRules,
  pusher: Pusher,
  updates: readonly ExaminedUpdate[],
  sizeAfter: number,
): readonly Refusal[] {
  const refuseAll = (reason: string) => updates.map(({ ref }) => ({ ref, reason }));
  if (updates.length > rules.maxRefs)
    return refuseAll(`${updates.length} refs at once; at most ${rules.maxRefs} are allowed`).slice(0, 1);
  // What is only taken away makes nothing larger, and is the way below the limit.
  if (sizeAfter > rules.maxRepoSize && updates.some(({ kind }) => kind !== 'delete'))
    return refuseAll(
      `the repository would take ${sizeAfter} bytes; at most ${rules.maxRepoSize} are allowed`,
    );
  return updates.flatMap((update) => {
    const reason = reasonAgainst(rules, pusher, update);
    return reason === undefined ? [] : [{ ref: update.ref, reason }];
  });
}

function reasonAgainst(rules: PushRules, pusher: Pusher, update: ExaminedUpdate): string | undefined {
  const { ref, kind, forced, type } = update;
  const listed = (globs: readonly string[]) => pusher.admin || globs.some((glob) => matchesGlob(glob, ref));
  const branch = ref.startsWith('refs/heads/');
  if (!isPushable(ref))
    return 'only well-formed refs under refs/heads/, refs/tags/ and refs/notes/ can be pushed';
  if (kind === 'delete' && !listed(rules.allowDelete)) return 'deletion is not allowed';
  if (branch && kind === 'update' && forced && !listed(rules.allowForce)) return 'not a fast-forward';
  if (ref.startsWith('refs/tags/') && kind === 'update' && !listed(rules.allowTagUpdate))
    return 'the tag exists and does not move';
  if (branch && kind !== 'delete' && type !== 'commit')
    return `a branch points at a commit, found a ${type ?? 'missing object'}`;
  if (!pusher.admin && !rules.protect.every((protection) => passes(protection, pusher, ref)))
    return 'the ref is protected';
  return undefined;
}

function passes({ ref: glob, principals }: Protection, { id, scopes }: Pusher, ref: string): boolean {
  if (!matchesGlob(glob, ref)) return true;
  return principals.some((principal) => principal === id || scopes.includes(principal));
}
