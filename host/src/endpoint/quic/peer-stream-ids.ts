/**
 * Which streams of the peer are new: its ids come in order, nearly always, and each once. Pure. RFC 9000 2.1.
 *
 * @module
 */

export class PeerStreamIds {
  /** Of the lowest bit: who opened a stream. */
  readonly #opener: 0 | 1;
  /** Below the highest seen, and not seen themselves yet. */
  readonly #holes = new Set<number>();
  #next: number;

  /** `role`: ours. */
  constructor(role: 'client' | 'server') {
    this.#opener = role === 'client' ? 1 : 0;
    this.#next = this.#opener;
  }

  /** The one that comes next, if they come in order. */
  get next(): number {
    return this.#next;
  }

  /** The next one has come. */
  take(): number {
    return this.#skipTo(this.#next);
  }

  /** Whether it has not been seen yet; ids that are finished with are not new. */
  isNew(id: number): boolean {
    if ((id & 3) !== this.#opener) return false;
    if (id < this.#next) return this.#holes.delete(id);
    this.#skipTo(id);
    return true;
  }

  clear(): void {
    this.#holes.clear();
  }

  #skipTo(id: number): number {
    for (let skipped = this.#next; skipped < id; skipped += 4) this.#holes.add(skipped);
    this.#next = id + 4;
    return id;
  }
}
