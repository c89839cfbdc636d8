/**
 * The last lines of the log, and those who follow it. Lines are kept as they were written, so that nobody sees more here
 * than there, and parsed only for somebody who reads them. `docs/spec/registry.md` 15.
 *
 * @module
 */

/** Lines that are remembered, and that may wait for a reader. */
export const tailLines = 1000;

export class LogTail {
  readonly #ring: string[] = [];
  #at = 0;
  readonly #readers = new Set<(line: string) => void>();

  push(line: string): void {
    if (this.#ring.length < tailLines) this.#ring.push(line);
    else this.#ring[this.#at] = line;
    this.#at = (this.#at + 1) % tailLines;
    for (const reader of this.#readers) reader(line);
  }

  /** Oldest first. */
  lines(): readonly string[] {
    return this.#ring.length < tailLines
      ? [...this.#ring]
      : [...this.#ring.slice(this.#at), ...this.#ring.slice(0, this.#at)];
  }

  /** What matches, from the last `backlog` lines that do on. `signal` ends it. */
  follow<Line>(options: FollowOptions<Line>): AsyncGenerator<Line | Skipped, void, undefined> {
    const waiting = new Waiting(options);
    const matching = this.lines().flatMap((line) => options.read(line) ?? []);
    if (options.backlog > 0) for (const line of matching.slice(-options.backlog)) waiting.push(line);
    // From here on, without a gap: the generator's own code would run only when it is first read.
    const reader = (line: string) => {
      const read = options.read(line);
      if (read !== undefined) waiting.push(read);
    };
    this.#readers.add(reader);
    options.signal.addEventListener('abort', () => this.#readers.delete(reader), { once: true });
    return waiting.values(() => this.#readers.delete(reader));
  }
}

export interface FollowOptions<Line> {
  /** The line as its reader gets it; `undefined` when it is not for him. */
  readonly read: (line: string) => Line | undefined;
  readonly backlog: number;
  readonly signal: AbortSignal;
}

/** So many lines did not wait for a slow reader. */
export interface Skipped {
  readonly skipped: number;
}

/** Lines on their way to one reader: at most `tailLines`, then a count of those that found no room. */
class Waiting<Line> {
  readonly #lines: Line[] = [];
  readonly #signal: AbortSignal;
  #skipped = 0;
  #wake: () => void = () => {};

  constructor({ signal }: FollowOptions<Line>) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  push(line: Line): void {
    // What comes after a gap waits until the gap has been told, so that the count stands in its place.
    if (this.#lines.length >= tailLines || this.#skipped > 0) this.#skipped++;
    else this.#lines.push(line);
    this.#wake();
  }

  async *values(done: () => void): AsyncGenerator<Line | Skipped, void, undefined> {
    try {
      while (!this.#signal.aborted) {
        const line = this.#lines.shift();
        if (line !== undefined) yield line;
        else if (this.#skipped > 0) {
          const skipped = this.#skipped;
          this.#skipped = 0;
          yield { skipped };
        } else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      done();
    }
  }
}
