/**
 * Counts what is refused, and says so at most once a second for each cause, with the number since.
 * `docs/spec/endpoint.md` 11 and 15.
 *
 * @module
 */

import type { Log, LogFields } from '@alknet/sdk';

const interval = 1000;

interface Cause {
  total: number;
  since: number;
  loggedAt: number;
}

export class Refusals {
  private readonly log: Log;
  private readonly now: () => number;
  private readonly causes = new Map<string, Cause>();

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.log = log;
    this.now = now;
  }

  /** `cause` is the key of a limit or a short fixed word. */
  count(cause: string, fields: LogFields): void {
    const entry = this.causes.get(cause) ?? { total: 0, since: 0, loggedAt: -Infinity };
    this.causes.set(cause, entry);
    entry.total++;
    entry.since++;
    const now = this.now();
    if (now - entry.loggedAt < interval) return;
    this.log.warn('connection refused', { ...fields, reason: cause, count: entry.since });
    entry.since = 0;
    entry.loggedAt = now;
  }

  /** By cause, since start. */
  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.causes].map(([cause, { total }]) => [cause, total]));
  }
}
