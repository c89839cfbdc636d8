/**
 * Counts, errors and latency of each operation, kept at no cost to its author. Pure.
 *
 * @module
 */

import type { MetricSample } from '@alknet/sdk';

/** Latencies fall into buckets that grow by a quarter: 64 of them reach from 10 µs to over 10 min. */
const buckets = 84;
const smallest = 0.01;
const growth = Math.log(1.25);

export type Outcome = 'ok' | 'aborted' | 'lost' | (string & {});

export interface StatsSnapshot {
  readonly calls: number;
  readonly running: number;
  readonly errors: number;
  readonly byOutcome: Readonly<Record<string, number>>;
  /** Values sent by a subscription. */
  readonly values: number;
  /** Milliseconds; `null` before the first call. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export class OperationStats {
  #running = 0;
  #values = 0;
  readonly #outcomes = new Map<string, number>();
  readonly #latencies = new Uint32Array(buckets);
  #finished = 0;
  #milliseconds = 0;

  get running(): number {
    return this.#running;
  }

  begin(): void {
    this.#running++;
  }

  value(): void {
    this.#values++;
  }

  end(outcome: Outcome, milliseconds: number): void {
    this.#running--;
    this.#finished++;
    this.#milliseconds += milliseconds;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    const at =
      milliseconds <= smallest
        ? 0
        : Math.min(buckets - 1, Math.ceil(Math.log(milliseconds / smallest) / growth));
    this.#latencies[at] = (this.#latencies[at] ?? 0) + 1;
  }

  snapshot(): StatsSnapshot {
    const byOutcome = Object.fromEntries(this.#outcomes);
    const ok = byOutcome['ok'] ?? 0;
    const left = (byOutcome['aborted'] ?? 0) + (byOutcome['lost'] ?? 0);
    return {
      calls: this.#finished,
      running: this.#running,
      errors: this.#finished - ok - left,
      byOutcome,
      values: this.#values,
      p50: this.#percentile(0.5),
      p90: this.#percentile(0.9),
      p99: this.#percentile(0.99),
    };
  }

  /** As a histogram of seconds; a quarter of the buckets, each about two and a half times the one before. */
  latencies(): NonNullable<Pick<MetricSample, 'value' | 'buckets' | 'count'>> {
    const bounds: { atMost: number; count: number }[] = [];
    let count = 0;
    for (let i = 0; i < buckets; i++) {
      count += this.#latencies[i] ?? 0;
      if (i % 4 === 0) {
        const atMost = Number(((smallest * Math.exp(growth * i)) / 1000).toPrecision(3));
        bounds.push({ atMost, count });
      }
    }
    return { value: this.#milliseconds / 1000, buckets: bounds, count: this.#finished };
  }

  /** Upper bound of the bucket in which that part of all calls had finished. */
  #percentile(part: number): number | null {
    if (this.#finished === 0) return null;
    let left = Math.ceil(this.#finished * part);
    for (let i = 0; i < buckets; i++) {
      left -= this.#latencies[i] ?? 0;
      if (left <= 0) return Number((smallest * Math.exp(growth * i)).toPrecision(3));
    }
    return null;
  }
}
