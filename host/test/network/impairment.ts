/** What a bad path does to packets, by a seeded generator: the same seed, the same fate for the nth packet. */

export interface Impairment {
  /** Probabilities, 0 to 1. */
  readonly loss?: number;
  readonly duplicate?: number;
  /** Of a packet to be held back by `jitter`, so that later ones overtake it. */
  readonly reorder?: number;
  /** Milliseconds one way. */
  readonly delay?: number;
  readonly jitter?: number;
  /** Bytes; what is larger vanishes and nobody is told. */
  readonly largest?: number;
  /** Packets under way, at most, like the queue of a router. Default 1000. */
  readonly queue?: number;
}

/** One direction of a path. */
export class Path {
  readonly #random: () => number;
  #impairment: Impairment;
  #underWay = 0;
  /** Packets that came, and that were lost. */
  passed = 0;
  lost = 0;

  constructor(impairment: Impairment, seed: number) {
    this.#impairment = impairment;
    this.#random = generator(seed);
  }

  become(impairment: Impairment): void {
    this.#impairment = impairment;
  }

  /** Calls `deliver` when the packet arrives: never, once, or twice. */
  carry(bytes: number, deliver: () => void): void {
    const {
      loss = 0,
      duplicate = 0,
      reorder = 0,
      delay = 0,
      jitter = 0,
      largest,
      queue = 1000,
    } = this.#impairment;
    this.passed++;
    // Always as many numbers a packet, so that the fate of one does not hang on that of another.
    const [lost, twice, late] = [this.#random() < loss, this.#random() < duplicate, this.#random() < reorder];
    if (lost || this.#underWay >= queue || (largest !== undefined && bytes > largest)) {
      this.lost++;
      return;
    }
    this.#after(delay + (late ? jitter : 0), deliver);
    if (twice) this.#after(delay + jitter, deliver);
  }

  #after(ms: number, deliver: () => void): void {
    if (ms === 0) return deliver();
    this.#underWay++;
    setTimeout(() => {
      this.#underWay--;
      deliver();
    }, ms).unref();
  }
}

/** mulberry32. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
