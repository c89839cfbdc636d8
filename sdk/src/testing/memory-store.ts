/**
 * The store of a plugin, in memory: the rules of `docs/spec/config.md` 11 without the durability.
 *
 * @module
 */

import {
  type Store,
  type StoreChange,
  type StoreEntry,
  StoreError,
  type StoreWriteOptions,
} from '../store.ts';

const keyText = /^[A-Za-z0-9_=./-]{1,256}$/;
const maxValue = 1024 * 1024;

type Listener = (change: StoreChange) => void;

export class MemoryStore implements Store {
  readonly #entries = new Map<string, StoreEntry>();
  readonly #listeners = new Set<Listener>();
  #revision = 0;

  async get(key: string): Promise<StoreEntry | undefined> {
    checkKey(key);
    const entry = this.#entries.get(key);
    return entry && { value: entry.value.slice(), revision: entry.revision };
  }

  async put(key: string, value: Uint8Array, options?: StoreWriteOptions): Promise<{ revision: number }> {
    checkKey(key);
    if (!(value instanceof Uint8Array)) {
      throw new StoreError('STORE_VALUE', `${key}: expected a Uint8Array, found ${typeof value}`);
    }
    if (value.length > maxValue) {
      throw new StoreError('STORE_VALUE', `${key}: ${value.length} bytes, a value has at most ${maxValue}`);
    }
    this.#checkRevision(key, options);
    const revision = ++this.#revision;
    this.#entries.set(key, { value: value.slice(), revision });
    this.#tell({ key, value: value.slice(), revision });
    return { revision };
  }

  async delete(key: string, options?: StoreWriteOptions): Promise<void> {
    checkKey(key);
    this.#checkRevision(key, options);
    if (this.#entries.delete(key)) this.#tell({ key, value: undefined, revision: ++this.#revision });
  }

  async *list(prefix: string): AsyncGenerator<{ key: string } & StoreEntry, void, undefined> {
    for (const key of [...this.#entries.keys()].filter((name) => name.startsWith(prefix)).sort()) {
      const entry = await this.get(key);
      if (entry !== undefined) yield { key, ...entry };
    }
  }

  /** Listens from the call on, not from the first `next()`. */
  watch(prefix: string, { signal }: { signal: AbortSignal }): AsyncIterable<StoreChange> {
    const changes: StoreChange[] = [];
    let wake: () => void = () => {};
    const listener: Listener = (change) => {
      if (!change.key.startsWith(prefix)) return;
      changes.push(change);
      wake();
    };
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => wake(), { once: true });
    const stop = () => this.#listeners.delete(listener);
    return (async function* () {
      try {
        while (!signal.aborted) {
          const change = changes.shift();
          if (change !== undefined) yield change;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        stop();
      }
    })();
  }

  #checkRevision(key: string, options: StoreWriteOptions | undefined): void {
    const wanted = options?.ifRevision;
    const found = this.#entries.get(key)?.revision ?? 0;
    if (wanted === undefined || wanted === found) return;
    throw new StoreError(
      'STORE_CONFLICT',
      `${key}: expected revision ${wanted}, found ${found}; read it again`,
    );
  }

  #tell(change: StoreChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function checkKey(key: string): void {
  if (!keyText.test(key))
    throw new StoreError('STORE_KEY', `key ${JSON.stringify(key)}: expected ${keyText.source}`);
}
