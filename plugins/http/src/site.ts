/**
 * What one instance of the plugin serves: its surfaces by path, the routes of other plugins, and what it was given.
 *
 * @module
 */

import type { Log, PluginHost } from '@alknet/sdk';
import { type HttpConfig, readConfig } from './config.ts';
import type { WrittenConfig } from './config-schema.ts';
import { HttpMetrics } from './metrics.ts';
import { reservedPaths } from './reserved.ts';
import { RouteTable } from './routes/table.ts';
import type { MakeSurface, Surface, SurfaceName, SurfaceRoute } from './surface.ts';

export class Site {
  readonly host: PluginHost<WrittenConfig>;
  readonly log: Log;
  readonly metrics: HttpMetrics;
  readonly #surfaces: readonly Surface[];
  readonly #reserved: ReadonlyMap<string, SurfaceRoute>;
  #config: HttpConfig;
  #contributed: RouteTable;
  readonly #shadowed = new Set<string>();

  constructor(host: PluginHost<WrittenConfig>, surfaces: readonly MakeSurface[]) {
    this.host = host;
    this.log = host.log;
    this.metrics = new HttpMetrics(host.metrics);
    this.#config = readConfig(host.config);
    const streams = (kind: 'sse' | 'websocket' | 'webtransport') => this.metrics.streams(kind);
    const offered = () => this.#offered();
    this.#surfaces = surfaces.map((make) => make({ host, config: () => this.#config, offered, streams }));
    this.#reserved = new Map(
      this.#surfaces.flatMap(({ routes }) => routes.map((route) => [route.path, route])),
    );
    const routes = host.contributions('http');
    const isReserved = (path: string) => this.isReserved(path);
    // Whoever comes later with a path that is taken does not start; who was there before this plugin loses the route.
    routes.guard?.((all) => void RouteTable.of(all, isReserved));
    const take = () =>
      RouteTable.of(routes.current, isReserved, (fault) =>
        this.log.error('route left out', { from: fault.plugin, message: fault.message }),
      );
    this.#contributed = take();
    routes.onChange(() => {
      this.#contributed = take();
    });
  }

  get config(): HttpConfig {
    return this.#config;
  }

  get contributed(): RouteTable {
    return this.#contributed;
  }

  #offered(): ReadonlySet<SurfaceName> {
    const offered = new Set<SurfaceName>(this.#config.direct ? ['direct'] : []);
    for (const route of this.#reserved.values()) if (route.isOn(this.#config)) offered.add(route.surface);
    return offered;
  }

  streams(kind: 'sse') {
    return this.metrics.streams(kind);
  }

  async configure(written: WrittenConfig): Promise<HttpConfig> {
    const config = readConfig(written);
    for (const surface of this.#surfaces) await surface.configure?.(config);
    this.#config = config;
    return config;
  }

  isReserved(path: string): boolean {
    return reservedPaths.has(path) || this.#reserved.has(path);
  }

  /** The owner of a reserved path, also while it is off. */
  reserved(path: string): SurfaceRoute | undefined {
    return this.#reserved.get(path);
  }

  /** An operation whose direct path is reserved: said once. */
  shadowed(name: string): void {
    if (this.#shadowed.has(name) || this.#shadowed.size > 100) return;
    this.#shadowed.add(name);
    this.log.warn('operation is reachable by the gateway only: its path is reserved', { operation: name });
  }

  drain(): void {
    for (const surface of this.#surfaces) surface.drain?.();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#surfaces.map((surface) => surface.stop?.()));
  }
}
