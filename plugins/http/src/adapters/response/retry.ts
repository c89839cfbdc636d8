/**
 * Whether and when a request is sent again. `docs/spec/http.md` 17.4. Pure: time and chance are handed in.
 *
 * @module
 */

const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);
const passing: ReadonlySet<number> = new Set([500, 502, 503, 504]);
const firstWait = 250;
const longestWait = 10_000;

/** Sending it twice is the same as once (RFC 9110 9.2.2). */
export function isRepeatable(method: string): boolean {
  return repeatable.has(method);
}

export function isPassing(status: number): boolean {
  return passing.has(status);
}

/** Milliseconds before retry number `retry`, from 1; `chance` from 0 to 1 moves it by half either way. */
export function waitBefore(retry: number, chance: number): number {
  const plain = Math.min(longestWait, firstWait * 2 ** (retry - 1));
  return plain * (0.5 + chance);
}

const imfFixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
/** A remote cannot close a URL for longer. */
const longestRefusal = 24 * 3_600_000;

/**
 * The time that a `Retry-After` names, in milliseconds of `Date.now()`; `undefined` for the past and for what is
 * neither seconds nor an HTTP date.
 */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  const at = /^\d{1,10}$/.test(text)
    ? now + Number(text) * 1000
    : imfFixdate.test(text)
      ? Date.parse(text)
      : Number.NaN;
  return Number.isFinite(at) && at > now ? Math.min(at, now + longestRefusal) : undefined;
}

const maxUrls = 256;

export interface Refused {
  /** Milliseconds of `Date.now()`. */
  readonly until: number;
  readonly status: number;
  /** As it came. */
  readonly header: string;
}

/** URLs that have said when to ask again. */
export class RetryAfterTable {
  readonly #refused = new Map<string, Refused>();

  get size(): number {
    return this.#refused.size;
  }

  note(url: string, status: number, header: string | undefined, now: number): void {
    if (status !== 429 && status !== 503) return;
    const until = retryAfter(header, now);
    if (until === undefined || header === undefined) return;
    this.#refused.set(url, { until, status, header });
    if (this.#refused.size <= maxUrls) return;
    let earliest: string | undefined;
    let time = Number.POSITIVE_INFINITY;
    for (const [each, refused] of this.#refused) {
      if (refused.until >= time) continue;
      time = refused.until;
      earliest = each;
    }
    if (earliest !== undefined) this.#refused.delete(earliest);
  }

  /** What still holds for that exact URL. */
  get(url: string, now: number): Refused | undefined {
    const refused = this.#refused.get(url);
    if (refused === undefined) return undefined;
    if (refused.until > now) return refused;
    this.#refused.delete(url);
    return undefined;
  }
}
