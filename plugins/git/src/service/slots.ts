/**
 * How many processes run at once, in all and for one identity; who comes too many waits his turn. `docs/spec/git.md` 8.
 *
 * @module
 */

/** Milliseconds. */
const patience = 10_000;
/** Bound on those who wait for one identity. */
const mostWaiting = 256;

export type Release = () => void;

interface Waiting {
  readonly identity: string;
  begin(): void;
}

export interface SlotLimits {
  readonly total: number;
  readonly perIdentity: number;
}

export class Slots {
  private readonly limits: () => SlotLimits;
  private readonly running = new Map<string, number>();
  private total = 0;
  private waiting: Waiting[] = [];
  private readonly wait: number;

  /** `wait`: milliseconds before a run is given up. */
  constructor(limits: () => SlotLimits, wait = patience) {
    this.limits = limits;
    this.wait = wait;
  }

  /** `undefined`: busy, or the signal aborted. */
  async take(identity: string, signal: AbortSignal): Promise<Release | undefined> {
    if (this.free(identity)) return this.begin(identity);
    if (signal.aborted || this.waiting.filter((each) => each.identity === identity).length >= mostWaiting)
      return undefined;
    return await new Promise((resolve) => {
      const give = (release: Release | undefined) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        resolve(release);
      };
      const waiting: Waiting = { identity, begin: () => give(this.begin(identity)) };
      const leave = () => {
        this.waiting = this.waiting.filter((each) => each !== waiting);
        give(undefined);
      };
      const timer = setTimeout(leave, this.wait);
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(waiting);
    });
  }

  private free(identity: string): boolean {
    const { total, perIdentity } = this.limits();
    return this.total < total && (this.running.get(identity) ?? 0) < perIdentity;
  }

  private begin(identity: string): Release {
    this.total++;
    this.running.set(identity, (this.running.get(identity) ?? 0) + 1);
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.end(identity);
    };
  }

  private end(identity: string): void {
    this.total--;
    const left = (this.running.get(identity) ?? 1) - 1;
    if (left === 0) this.running.delete(identity);
    else this.running.set(identity, left);
    const next = this.waiting.find((each) => this.free(each.identity));
    if (next === undefined) return;
    this.waiting = this.waiting.filter((each) => each !== next);
    next.begin();
  }
}
