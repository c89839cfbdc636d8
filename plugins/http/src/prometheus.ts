/**
 * `/metrics`: the figures of host and plugins in the text format of Prometheus, version 0.0.4. `docs/spec/http.md` 14.
 *
 * @module
 */

import { CallError, type Contribution, type MetricRow, type MetricSource } from '@alknet/sdk';
import { errorAnswer } from './answers.ts';
import type { MakeSurface } from './surface.ts';

const scope = 'host:metrics';

export const metricsSurface: MakeSurface = ({ host }) => {
  const sources = host.contributions('metrics');
  return {
    routes: [
      {
        path: '/metrics',
        methods: ['GET'],
        surface: 'health',
        isOn: ({ metrics }) => metrics,
        answer: (_request, { identity }) => {
          if (identity === null || !identity.scopes.includes(scope))
            return errorAnswer(new CallError('FORBIDDEN', `missing required scope: ${scope}`), {
              anonymous: identity === null,
            });
          return {
            status: 200,
            headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
            body: prometheusText(sources.current.flatMap(rowsOf)),
          };
        },
      },
    ],
  };
};

function rowsOf({ plugin, value }: Contribution): readonly MetricRow[] {
  // Other plugins have their metrics in the table of the host.
  return plugin === 'host' && isSource(value) ? value.rows() : [];
}

function isSource(value: unknown): value is MetricSource {
  return typeof value === 'object' && value !== null && 'rows' in value && typeof value.rows === 'function';
}

export function prometheusText(rows: readonly MetricRow[]): string {
  const lines: string[] = [];
  for (const { name: own, kind, description, samples } of rows) {
    // Adapters are a subject of their own, although this plugin runs them.
    const name = `alknet_${own.replace(/^http_adapter_/, 'adapter_')}`;
    lines.push(
      `# HELP ${name} ${description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${kind}`,
    );
    for (const { labels, value, buckets, count } of samples) {
      if (kind !== 'histogram') {
        lines.push(`${name}${labelText(labels)} ${value}`);
        continue;
      }
      for (const bucket of buckets ?? [])
        lines.push(`${name}_bucket${labelText({ ...labels, le: String(bucket.atMost) })} ${bucket.count}`);
      lines.push(
        `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count ?? 0}`,
        `${name}_sum${labelText(labels)} ${value}`,
        `${name}_count${labelText(labels)} ${count ?? 0}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
