/**
 * What one instance of the plugin serves: its surfaces by path, and what it was given.
 *
 * @module
 */

import type { Log, PluginHost } from '@alknet/sdk';
import { type HttpConfig, readConfig } from './config.ts';
import type { WrittenConfig } from './config-schema.ts';
import { notFoundPage } from './decoy/not-found.ts';
import type { Answer, HttpRequest } from './server/message.ts';
import type { ParsedTarget } from './server/path.ts';
import type { MakeSurface, Surface, SurfaceRoute } from './surface.ts';

export class Site {
  readonly host: PluginHost<WrittenConfig>;
  readonly log: Log;
  readonly #surfaces: readonly Surface[];
  readonly #routes: ReadonlyMap<string, SurfaceRoute>;
  #config: HttpConfig;

  constructor(host: PluginHost<WrittenConfig>, surfaces: readonly MakeSurface[]) {
    this.host = host;
    this.log = host.log;
    this.#config = readConfig(host.config);
    this.#surfaces = surfaces.map((make) => make({ host, config: () => this.#config }));
    this.#routes = new Map(
      this.#surfaces.flatMap(({ routes }) => routes.map((route) => [route.path, route])),
    );
  }

  get config(): HttpConfig {
    return this.#config;
  }

  async configure(written: WrittenConfig): Promise<HttpConfig> {
    const config = readConfig(written);
    for (const surface of this.#surfaces) await surface.configure?.(config);
    this.#config = config;
    return config;
  }

  /** The owner of a reserved path, also while it is off. */
  reserved(path: string): SurfaceRoute | undefined {
    return this.#routes.get(path);
  }

  decoy(_request: HttpRequest, _target: ParsedTarget, _config: HttpConfig): Promise<Answer> | Answer {
    return notFoundPage();
  }

  drain(): void {
    for (const surface of this.#surfaces) surface.drain?.();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#surfaces.map((surface) => surface.stop?.()));
  }
}
