/**
 * Counters, gauges and histograms of the host and its plugins, in one table. `docs/spec/config.md` 6.5.
 *
 * @module
 */

import type { MetricRow, Metrics } from '@alknet/sdk';

export type Labels = Readonly<Record<string, string>>;

/** Label sets of one metric; beyond, they are counted together, so that a label from a peer cannot fill the memory. */
const maxSeries = 1000;
const beyond: Labels = Object.freeze({ other: 'true' });
/** Powers of two from about a millisecond to half an hour, whatever the unit. */
const bounds = Array.from({ length: 22 }, (_, power) => 2 ** (power - 10));
const nameForm = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;

interface Series {
  readonly labels: Labels;
  value: number;
  count: number;
  /** Values that fit this bound and none below it. */
  readonly buckets: number[];
}

interface Metric {
  readonly kind: MetricRow['kind'];
  readonly description: string;
  readonly series: Map<string, Series>;
  /** The series of label sets that cannot change: whoever counts often keeps its own, and they are found at once. */
  readonly known: WeakMap<Labels, Series>;
}

export class MetricTable {
  private readonly metrics = new Map<string, Metric>();

  /** What one owner may do: its names stand apart from all others. */
  for(owner: string): Metrics {
    const prefix = `${owner.replaceAll('-', '_')}_`;
    const series = (name: string, kind: Metric['kind'], description: string) =>
      this.open(prefix, name, kind, description);
    return {
      counter: (name, description) => {
        const at = series(name, 'counter', description);
        return {
          add: (value = 1, labels = {}) => {
            if (value > 0 && Number.isFinite(value)) at(labels).value += value;
          },
        };
      },
      gauge: (name, description) => {
        const at = series(name, 'gauge', description);
        return {
          set: (value, labels = {}) => {
            at(labels).value = value;
          },
        };
      },
      histogram: (name, description) => {
        const at = series(name, 'histogram', description);
        return { record: (value, labels = {}) => observe(at(labels), value) };
      },
    };
  }

  rows(): MetricRow[] {
    return [...this.metrics].map(([name, { kind, description, series }]) => ({
      name,
      kind,
      description,
      samples: [...series.values()].map(({ labels, value, count, buckets }) =>
        kind === 'histogram' ? { labels, value, count, buckets: cumulative(buckets) } : { labels, value },
      ),
    }));
  }

  /** All that an owner made, when it is gone for good. */
  drop(owner: string): void {
    const prefix = `${owner.replaceAll('-', '_')}_`;
    for (const name of this.metrics.keys()) if (name.startsWith(prefix)) this.metrics.delete(name);
  }

  private open(
    prefix: string,
    name: string,
    kind: Metric['kind'],
    description: string,
  ): (labels: Labels) => Series {
    if (!nameForm.test(name))
      throw new RangeError(`metric ${JSON.stringify(name)}: expected [a-zA-Z_][a-zA-Z0-9_]{0,99}`);
    let metric = this.metrics.get(prefix + name);
    if (metric === undefined) {
      metric = { kind, description, series: new Map(), known: new WeakMap() };
      this.metrics.set(prefix + name, metric);
    }
    if (metric.kind !== kind) throw new RangeError(`metric ${name}: is a ${metric.kind} already`);
    const { series, known } = metric;
    return (labels) => {
      const found = known.get(labels);
      if (found !== undefined) return found;
      const made = seriesOf(series, labels);
      if (Object.isFrozen(labels)) known.set(labels, made);
      return made;
    };
  }
}

function seriesOf(series: Map<string, Series>, labels: Labels): Series {
  const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  const found = series.get(key);
  if (found !== undefined) return found;
  if (series.size >= maxSeries && labels !== beyond) return seriesOf(series, beyond);
  const made: Series = {
    labels: Object.freeze({ ...labels }),
    value: 0,
    count: 0,
    buckets: bounds.map(() => 0),
  };
  series.set(key, made);
  return made;
}

function observe(series: Series, value: number): void {
  if (!Number.isFinite(value)) return;
  series.value += value;
  series.count++;
  const bucket = bounds.findIndex((bound) => value <= bound);
  if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
}

/** As a reader of histograms expects them: each counts those below it, too. */
function cumulative(buckets: readonly number[]): { atMost: number; count: number }[] {
  let count = 0;
  return bounds.map((atMost, index) => {
    count += buckets[index] ?? 0;
    return { atMost, count };
  });
}
