/**
 * Whether the client of a request is still there. An AbortSignal costs more than a small request, so it is made when
 * somebody asks for it.
 *
 * @module
 */

export class Presence {
  #gone = false;
  #listeners: (() => void)[] = [];
  #controller: AbortController | undefined;

  get isGone(): boolean {
    return this.#gone;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gone) this.#controller.abort(new Error('the client has gone'));
    }
    return this.#controller.signal;
  }

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
    this.#controller?.abort(new Error('the client has gone'));
  }
}
