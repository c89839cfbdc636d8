/**
 * Something that happens once or never, such as the end of a request before its answer.
 *
 * It is what an `AbortSignal` is, at a fraction of the cost, for the path of every call. There is nearly always one
 * listener: a list for each request is what V8 puts among the old objects, with all that it leads to.
 *
 * @module
 */

export class Latch<Reason> {
  #reason: Reason | undefined;
  #listener: ((reason: Reason) => void) | undefined;

  /** Why it tripped; `undefined` while it has not. */
  get reason(): Reason | undefined {
    return this.#reason;
  }

  /** Told once; at once if it has tripped. */
  on(listener: (reason: Reason) => void): void {
    if (this.#reason !== undefined) return listener(this.#reason);
    const before = this.#listener;
    if (before === undefined) {
      this.#listener = listener;
      return;
    }
    const both = (reason: Reason) => {
      before(reason);
      listener(reason);
    };
    this.#listener = both;
  }

  /** Only the first time counts. */
  trip(reason: Reason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.(reason);
  }

  /** Nobody who listens so far is told any more. */
  forget(): void {
    this.#listener = undefined;
  }
}

/** A latch whose reason is also that of an `AbortSignal`, made when somebody looks: most never do. */
export class AbortLatch<Reason> extends Latch<Reason> {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.reason !== undefined) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  override trip(reason: Reason): void {
    if (this.reason !== undefined) return;
    this.#controller?.abort(reason);
    super.trip(reason);
  }
}
