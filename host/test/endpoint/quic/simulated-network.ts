/** A clock and a network without either: events in order of their time, with loss, duplication and reordering by seed. */

/** A generator of numbers from 0 to 1 that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export interface Path {
  /** Shares of 1. */
  readonly loss: number;
  readonly duplication: number;
  /** Milliseconds; each datagram takes a time of its own between them, and so some overtake others. */
  readonly delay: readonly [number, number];
}

/** Runs what is due, earliest first, and lets its clock jump from one event to the next. */
export class Simulation {
  /** Milliseconds. */
  now = 0;
  readonly random: () => number;
  readonly #heap: Event[] = [];
  #scheduled = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  after(milliseconds: number, run: () => void): void {
    const event = { at: this.now + milliseconds, order: this.#scheduled++, run };
    const heap = this.#heap;
    let child = heap.push(event) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      this.#swap(parent, child);
      child = parent;
    }
  }

  /** Until `end`, or until nothing is left to happen. */
  run(end = Number.POSITIVE_INFINITY): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#removeFirst();
      this.now = next.at;
      next.run();
    }
  }

  /** Carries a datagram: `arrive` is called for each copy of it that gets there. */
  carry({ loss, duplication, delay: [least, most] }: Path, arrive: () => void): void {
    const copies = (this.random() < loss ? 0 : 1) + (this.random() < duplication ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) this.after(least + this.random() * (most - least), arrive);
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ; ) {
      const left = 2 * parent + 1;
      const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!isBefore(heap[child], last)) return;
      this.#swap(parent, child);
      parent = child;
    }
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}

function isBefore(a: Event | undefined, b: Event | undefined): boolean {
  if (a === undefined) return false;
  return b === undefined || a.at < b.at || (a.at === b.at && a.order < b.order);
}
