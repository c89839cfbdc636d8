/**
 * Who owns what was made at run time. Kept in the store, and in memory so that an access check never waits.
 * `docs/spec/registry.md` 9.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { CallError, type Identity, type Resources, type Store } from '@alknet/sdk';

export const maxOwned = 1_000_000;
const maxWordBytes = 1024;

const text = new TextEncoder();
const plain = new TextDecoder();

/** Types and ids are any text: base64url keeps the key within the store's alphabet. */
function keyOf(type: string, id: string): string {
  return `owner/${Buffer.from(type).toString('base64url')}/${hash(id)}`;
}

/** Long ids do not fit into a key as they are. */
function hash(id: string): string {
  const encoded = Buffer.from(id).toString('base64url');
  return encoded.length <= 120 ? `i.${encoded}` : `h.${createHash('sha256').update(id).digest('base64url')}`;
}

export class Ownership {
  readonly #store: Store;
  /** type → id → owner */
  readonly #owners = new Map<string, Map<string, string>>();
  #count = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async load(): Promise<void> {
    for await (const { value } of this.#store.list('owner/')) {
      const { type, id, owner } = JSON.parse(plain.decode(value)) as {
        type: string;
        id: string;
        owner: string;
      };
      this.#remember(type, id, owner);
    }
  }

  owns(identityId: string, type: string, id: string): boolean {
    return this.#owners.get(type)?.get(id) === identityId;
  }

  ownedBy(identityId: string, type: string): string[] {
    const ids: string[] = [];
    for (const [id, owner] of this.#owners.get(type) ?? []) if (owner === identityId) ids.push(id);
    return ids.sort();
  }

  async record(type: string, id: string, owner: string): Promise<void> {
    if (this.#count >= maxOwned && this.#owners.get(type)?.has(id) !== true) {
      throw new CallError('INTERNAL', `a node keeps owners of at most ${maxOwned} resources`);
    }
    await this.#store.put(keyOf(type, id), text.encode(JSON.stringify({ type, id, owner })));
    this.#remember(type, id, owner);
  }

  async revoke(type: string, id: string): Promise<void> {
    await this.#store.delete(keyOf(type, id));
    if (this.#owners.get(type)?.delete(id) === true) this.#count--;
  }

  #remember(type: string, id: string, owner: string): void {
    let ofType = this.#owners.get(type);
    if (ofType === undefined) {
      ofType = new Map();
      this.#owners.set(type, ofType);
    }
    if (!ofType.has(id)) this.#count++;
    ofType.set(id, owner);
  }
}

/** What a handler gets: its own identity, and the types that its plugin's operations name. */
export function resourcesFor(
  ownership: Ownership,
  identity: Identity | null,
  types: ReadonlySet<string>,
  plugin: string,
): Resources {
  const may = (type: string, id?: string) => {
    if (!types.has(type)) {
      throw new CallError('FORBIDDEN', `no operation of plugin ${plugin} has resources of type ${type}`);
    }
    if (id !== undefined && (id === '' || Buffer.byteLength(id) > maxWordBytes)) {
      throw new CallError('INVALID_INPUT', `resource id: expected 1 to ${maxWordBytes} bytes`);
    }
  };
  const granted = (type: string) => (identity?.resources[type] ?? []).length > 0;
  return Object.freeze({
    record: async (type: string, id: string) => {
      may(type, id);
      if (identity === null) throw new CallError('FORBIDDEN', 'authentication required');
      await ownership.record(type, id, identity.id);
    },
    revoke: async (type: string, id: string) => {
      may(type, id);
      await ownership.revoke(type, id);
    },
    owns: async (type: string, id: string) =>
      identity !== null && (granted(type) || ownership.owns(identity.id, type, id)),
    owned: async (type: string) =>
      identity === null
        ? { all: false, ids: [] }
        : { all: granted(type), ids: ownership.ownedBy(identity.id, type) },
  });
}
