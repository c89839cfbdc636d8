/**
 * Attempts that start one after the other and race to one winner (RFC 8305 5). Pure but for its timers.
 *
 * @module
 */

export type Attempt<Won> = (signal: AbortSignal) => Promise<Won>;

export interface RaceOptions<Won> {
  /** Milliseconds between two starts; a failure starts the next at once. */
  readonly stagger: number;
  readonly signal: AbortSignal;
  /** Takes back what finishes after the winner. */
  readonly discard: (late: Won) => void;
}

/** All attempts failed; `errors` in order of failure. */
export class RaceLost extends Error {
  override readonly name = 'RaceLost';
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super('every attempt failed');
    this.errors = errors;
  }
}

/** @throws RaceLost */
export function race<Won>(attempts: readonly Attempt<Won>[], options: RaceOptions<Won>): Promise<Won> {
  const losers = new AbortController();
  const signal = AbortSignal.any([options.signal, losers.signal]);
  return new Promise((resolve, reject) => {
    const errors: unknown[] = [];
    let begun = 0;
    let over = false;
    let timer: NodeJS.Timeout | undefined;

    const win = (won: Won) => {
      if (over) {
        options.discard(won);
        return;
      }
      over = true;
      clearTimeout(timer);
      losers.abort();
      resolve(won);
    };
    const lose = (error: unknown) => {
      if (over) return;
      errors.push(error);
      if (errors.length === attempts.length) {
        over = true;
        clearTimeout(timer);
        reject(new RaceLost(errors));
      } else begin();
    };
    const begin = () => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (attempt === undefined || over) return;
      begun++;
      if (begun < attempts.length) timer = setTimeout(begin, options.stagger);
      attempt(signal).then(win, lose);
    };
    if (attempts.length === 0) reject(new RaceLost([]));
    else begin();
  });
}

/** First of one family, first of the other, second of the one, … beginning with the family that stands first. */
export function alternate<Address extends { readonly family: number }>(
  addresses: readonly Address[],
): Address[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  return first
    .flatMap((address, index) => [address, second[index]])
    .concat(second.slice(first.length))
    .filter((address) => address !== undefined);
}
