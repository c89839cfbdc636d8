/**
 * What a connected peer offers: asked of it when first needed, and kept until its registry changes.
 * `docs/spec/registry.md` 12.4.
 *
 * @module
 */

import { CallError, type OperationSpec, type RemoteCaller } from '@alknet/sdk';
import { discover, type RemoteOperations } from './remote-operations.ts';

/** How long an answer is used from a remote that cannot tell when it changes, milliseconds. */
const pollPeriod = 60_000;

export class OfferedOperations {
  readonly #remote: RemoteCaller;
  readonly #over = new AbortController();
  #asked: Promise<RemoteOperations> | undefined;
  #known: RemoteOperations | undefined;
  #watching: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(remote: RemoteCaller) {
    this.#remote = remote;
    void remote.closed.then(() => this.#over.abort());
  }

  /** What is known without asking. */
  get known(): readonly OperationSpec[] {
    return this.#known?.operations ?? [];
  }

  /** The same object until the remote's registry changes. @throws AdapterError */
  get(): Promise<RemoteOperations> {
    this.#asked ??= discover(this.#remote, this.#over.signal).then(
      (found) => {
        this.#known = found;
        this.#watching ??= this.#watch(found.revision);
        return found;
      },
      (error: unknown) => {
        this.#asked = undefined;
        throw error;
      },
    );
    return this.#asked;
  }

  /** Told when what {@link get} gave is no longer so. */
  onStale(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stale(): void {
    this.#asked = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  async #watch(since: string): Promise<void> {
    let revision = since;
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        for await (const change of this.#remote.subscribe(
          'services/watch',
          { since: revision },
          { signal },
        )) {
          const { revision: now, ...rest } = change as { revision: string } & Record<string, unknown>;
          const empty = ['added', 'changed', 'removed'].every(
            (member) => Array.isArray(rest[member]) && rest[member].length === 0,
          );
          if (now !== revision && !(empty && rest['reset'] === false)) this.#stale();
          revision = now;
        }
      } catch (error) {
        // One without services/watch is asked again from time to time; a lost connection ends the loop.
        if (error instanceof CallError && error.code === 'NOT_FOUND') this.#stale();
      }
      await pause(pollPeriod, signal);
    }
  }
}

/** Resolves early when the signal is aborted; keeps no process alive. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds).unref();
    signal.addEventListener('abort', done, { once: true });
  });
}
