/**
 * Handler runs of one owner at once; further ones wait in order, their deadline running. `docs/spec/registry.md` 17.
 *
 * @module
 */

export class Slots {
  /** Calls of that owner, those included that wait for a slot or whose handler is not over. */
  calls = 0;
  readonly #limit: () => number;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  tryAcquire(): boolean {
    if (this.#running >= this.#limit() || this.#waiting.size > 0) return false;
    this.#running++;
    return true;
  }

  /** Resolves with a slot held; rejects when `stopped` does, holding none. */
  acquire(stopped: Promise<never>): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = () => {
        this.#running++;
        resolve();
      };
      this.#waiting.add(take);
      stopped.catch((error: unknown) => {
        if (this.#waiting.delete(take)) reject(error);
      });
    });
  }

  readonly release = (): void => {
    this.#running--;
    const [next] = this.#waiting;
    if (next === undefined || this.#running >= this.#limit()) return;
    this.#waiting.delete(next);
    next();
  };
}
