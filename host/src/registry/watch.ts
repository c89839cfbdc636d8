/**
 * `services/watch`: what a caller may call, and every change of it. `docs/spec/registry.md` 12.3.
 *
 * @module
 */

import { type AnyOperation, defineOperation, type Identity, serviceOf, Type } from '@alknet/sdk';
import { Entry, entryOf } from './description.ts';
import type { Registration } from './registration.ts';
import type { Registry } from './registry.ts';

/** Changes within this time are told together, milliseconds. */
const joinPeriod = 50;

type Visible = (registry: Registry, identity: Identity | null) => Registration[];

export function watchOperation(registry: Registry, visible: Visible): AnyOperation {
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
      const now = () => {
        const current = identity === null ? null : registry.identities.current(identity);
        const inNamespace = visible(registry, current).filter(
          ({ operation: { name } }) => namespace === undefined || serviceOf(name) === namespace,
        );
        return new Map(inNamespace.map((registration) => [registration.operation.name, registration]));
      };
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
        yield first(registry, known, since);
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

/** Everything, or the difference to a revision that is still remembered. */
function first(registry: Registry, known: ReadonlyMap<string, Registration>, since: string | undefined) {
  const { revision } = registry.base;
  const changes = since === undefined ? undefined : registry.base.changesSince(since);
  const names = new Set(changes?.flatMap((change) => [...change.names]));
  // A name that the caller cannot see now may be one that it never could: telling of it would tell that it exists.
  if (changes === undefined || [...names].some((name) => !known.has(name))) {
    return { revision, reset: true, added: [...known.values()].map(entryOf), changed: [], removed: [] };
  }
  const changed = [...names].sort().flatMap((name) => {
    const registration = known.get(name);
    return registration === undefined ? [] : [entryOf(registration)];
  });
  return { revision, reset: false, added: [], changed, removed: [] };
}

function differ(before: ReadonlyMap<string, Registration>, after: ReadonlyMap<string, Registration>) {
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
