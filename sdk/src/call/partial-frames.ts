/**
 * What the unfinished frames of one connection may hold together. `docs/spec/call.md` 11, "partial frames". Pure.
 *
 * @module
 */

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

export class PartialFrames {
  readonly #limit: () => number;
  readonly #admitted = new Map<object, number>();
  readonly #waiting = new Map<object, Waiting>();
  #bytes = 0;

  /** `limit`: bytes, read at each use. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /**
   * Whether `owner`, which has at most one, may collect a frame of that many bytes; if not, `go` is called when it may.
   * One frame is always admitted, whatever its size.
   */
  admit(owner: object, bytes: number, go: () => void): boolean {
    this.release(owner);
    if (this.#admitted.size > 0 && this.#bytes + bytes > this.#limit()) {
      this.#waiting.set(owner, { bytes, go });
      return false;
    }
    this.#take(owner, bytes);
    return true;
  }

  /** The frame is complete, or nobody's any more. */
  release(owner: object): void {
    this.#waiting.delete(owner);
    const bytes = this.#admitted.get(owner);
    if (bytes === undefined) return;
    this.#admitted.delete(owner);
    this.#bytes -= bytes;
    for (const [next, { bytes: wanted, go }] of this.#waiting) {
      if (this.#admitted.size > 0 && this.#bytes + wanted > this.#limit()) return;
      this.#waiting.delete(next);
      this.#take(next, wanted);
      go();
    }
  }

  #take(owner: object, bytes: number): void {
    this.#admitted.set(owner, bytes);
    this.#bytes += bytes;
  }
}
