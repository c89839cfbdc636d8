/**
 * `services/watch`: what a caller may call, and every change of it. `docs/spec/registry.md` 12.3.
 *
 * @module
 */

import { type AnyOperation, defineOperation, type Identity, serviceOf, Type } from '@alknet/sdk';
import type { Shown } from './base.ts';
import { Entry, entryOf } from './description.ts';
import type { Registration } from './registration.ts';
import type { Registry } from './registry.ts';
import { isShown, visibleTo } from './visible.ts';

/** Changes within this time are told together, milliseconds. */
const joinPeriod = 50;

export function watchOperation(registry: Registry): AnyOperation {
  return defineOperation({
    name: 'services/watch',
    type: 'subscription',
    access: 'public',
    description: 'Tells what the caller may call, and each change of it.',
    input: Type.Object({ namespace: Type.Optional(Type.String()), since: Type.Optional(Type.String()) }),
    output: Type.Object({
      revision: Type.String(),
      reset: Type.Boolean(),
      added: Type.Array(Entry),
      changed: Type.Array(Entry),
      removed: Type.Array(Type.String()),
    }),
    async *handler({ namespace, since }, { identity, signal }) {
      const wanted = (name: string) => namespace === undefined || serviceOf(name) === namespace;
      const current = () => (identity === null ? null : registry.identities.current(identity));
      const now = () =>
        new Map(
          visibleTo(registry, current())
            .map((registration) => [registration.operation.name, registration] as const)
            .filter(([name]) => wanted(name)),
        );
      let wake: () => void = () => {};
      let pending = false;
      const changed = () => {
        pending = true;
        wake();
      };
      const stopBase = registry.base.onChange(changed);
      const stopIdentities = registry.identities.onChange(changed);
      signal.addEventListener('abort', changed);
      try {
        let known = now();
        yield since === undefined
          ? everything(registry, known)
          : (sinceThen(registry, known, since, current(), wanted) ?? everything(registry, known));
        while (!signal.aborted) {
          if (!pending) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          if (signal.aborted) return;
          await new Promise<void>((resolve) => setTimeout(resolve, joinPeriod));
          pending = false;
          const next = now();
          const difference = differ(known, next);
          known = next;
          if (difference !== undefined)
            yield { revision: registry.base.revision, reset: false, ...difference };
        }
      } finally {
        stopBase();
        stopIdentities();
        signal.removeEventListener('abort', changed);
      }
    },
  });
}

type Known = ReadonlyMap<string, Registration>;

function everything(registry: Registry, known: Known) {
  const added = [...known.values()].map(entryOf);
  return { revision: registry.base.revision, reset: true, added, changed: [], removed: [] };
}

/** The difference to a revision that is still remembered, if the caller's rights are since then the same. */
function sinceThen(
  registry: Registry,
  known: Known,
  since: string,
  identity: Identity | null,
  wanted: (name: string) => boolean,
) {
  const { revision } = registry.base;
  const changes = registry.base.changesSince(since);
  if (changes === undefined || (changes.length > 0 && registry.rightsChangedSince(since))) return undefined;
  const before = new Map<string, Shown | undefined>();
  for (const change of changes) {
    for (const [name, shown] of change.before) if (wanted(name) && !before.has(name)) before.set(name, shown);
  }
  const added: Entry[] = [];
  const changed: Entry[] = [];
  const removed: string[] = [];
  for (const name of [...before.keys()].sort()) {
    const old = before.get(name);
    const wasSeen = old !== undefined && isShown(old, identity);
    const registration = known.get(name);
    if (registration !== undefined) (wasSeen ? changed : added).push(entryOf(registration));
    else if (wasSeen) removed.push(name);
  }
  return { revision, reset: false, added, changed, removed };
}

function differ(before: Known, after: Known) {
  const added: Entry[] = [];
  const changed: Entry[] = [];
  for (const [name, registration] of after) {
    const old = before.get(name);
    if (old === undefined) added.push(entryOf(registration));
    else if (old !== registration) changed.push(entryOf(registration));
  }
  const removed = [...before.keys()].filter((name) => !after.has(name));
  return added.length + changed.length + removed.length === 0 ? undefined : { added, changed, removed };
}
