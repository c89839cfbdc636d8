/**
 * What the server counts. The host puts `http_` before each name, and `/metrics` writes `alknet_` before that.
 * `docs/spec/http.md` 14.
 *
 * @module
 */

import type { Counter, Histogram, Metrics } from '@alknet/sdk';
import type { StreamGauge, SurfaceName } from './surface.ts';

type Labels = Readonly<Record<string, string>>;

export class HttpMetrics {
  readonly #requests: Counter;
  readonly #seconds: Histogram;
  readonly #streams = new Map<string, StreamGauge>();
  readonly #metrics: Metrics;
  /** Objects of labels are made once: this is on the path of every request. */
  readonly #labels = new Map<string, Labels>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#requests = metrics.counter('requests_total', 'Requests answered, by surface and status.');
    this.#seconds = metrics.histogram('request_seconds', 'Time from the header of a request to its answer.');
  }

  answered(surface: SurfaceName, status: number, seconds: number): void {
    this.#requests.add(1, this.#label(`${surface} ${status}`, surface, String(status)));
    this.#seconds.record(seconds, this.#label(surface, surface));
  }

  streams(kind: 'sse' | 'websocket' | 'webtransport'): StreamGauge {
    const known = this.#streams.get(kind);
    if (known !== undefined) return known;
    const gauge = this.#metrics.gauge('streams', 'Streams that live long, now.');
    let now = 0;
    const labels = { kind };
    const made = {
      add: () => gauge.set(++now, labels),
      remove: () => gauge.set(--now, labels),
    };
    this.#streams.set(kind, made);
    return made;
  }

  #label(key: string, surface: SurfaceName, status?: string): Labels {
    const known = this.#labels.get(key);
    if (known !== undefined) return known;
    const labels: Labels = status === undefined ? { surface } : { surface, status };
    // The host finds what does not change without reading it.
    const made = Object.freeze(labels);
    this.#labels.set(key, made);
    return made;
  }
}
