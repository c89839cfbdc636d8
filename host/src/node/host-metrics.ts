/**
 * What the host counts itself, in the form of the metrics of plugins. `docs/spec/http.md` 14.
 *
 * @module
 */

import type { MetricRow, MetricSource } from '@alknet/sdk';
import type { Endpoint } from '../endpoint/index.ts';
import type { MetricTable } from '../plugins/index.ts';
import type { Registry } from '../registry/registry.ts';

/** The surface `metrics`: figures are taken when they are asked for. */
export function metricSource(parts: {
  readonly registry: Registry;
  readonly endpoint: Endpoint;
  readonly metrics: MetricTable;
}): MetricSource {
  return {
    rows: () => [...operationRows(parts.registry), connectionRow(parts.endpoint), ...parts.metrics.rows()],
  };
}

function operationRows({ base }: Registry): MetricRow[] {
  const called = base.all().filter(({ stats }) => stats.snapshot().calls > 0);
  return [
    {
      name: 'operations_total',
      kind: 'counter',
      description: 'Calls that are over, by operation and outcome.',
      samples: called.flatMap(({ operation, stats }) =>
        Object.entries(stats.snapshot().byOutcome).map(([outcome, value]) => ({
          labels: { operation: operation.name, outcome },
          value,
        })),
      ),
    },
    {
      name: 'operation_seconds',
      kind: 'histogram',
      description: 'Time that calls took, by operation.',
      samples: called.map(({ operation, stats }) => ({
        labels: { operation: operation.name },
        ...stats.latencies(),
      })),
    },
  ];
}

function connectionRow(endpoint: Endpoint): MetricRow {
  const counts = new Map<string, { labels: { alpn: string; transport: string }; value: number }>();
  for (const { alpn, transport } of endpoint.connections()) {
    const key = `${alpn} ${transport}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { labels: { alpn, transport }, value: 1 });
    else known.value++;
  }
  return {
    name: 'connections',
    kind: 'gauge',
    description: 'Live connections, by ALPN and transport.',
    samples: [...counts.values()],
  };
}
