/**
 * Whether the client of a request is still there.
 *
 * @module
 */

export class Presence {
  #gone = false;
  #listeners: (() => void)[] = [];

  /** At once if it has gone. */
  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else this.#listeners.push(listener);
  }

  /** The answer is complete: what happens to the connection now is nobody's concern. */
  settle(): void {
    this.#listeners = [];
  }

  go(): void {
    if (this.#gone) return;
    this.#gone = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}
