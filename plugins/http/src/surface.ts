/**
 * A part of the server that owns reserved paths: the seam between the walk and what it leads to.
 *
 * @module
 */

import type { PluginHost } from '@alknet/sdk';
import type { HttpConfig } from './config.ts';
import type { WrittenConfig } from './config-schema.ts';
import type { Handler, RequestContext, UpgradeHandler } from './request-context.ts';
import type { Answer, HttpRequest } from './server/message.ts';

export type AnswerHandler = (request: HttpRequest, context: RequestContext) => Promise<Answer> | Answer;

/** Labels of `alknet_http_requests_total`, `docs/spec/http.md` 14. */
export type SurfaceName =
  | 'gateway'
  | 'direct'
  | 'mcp'
  | 'websocket'
  | 'webtransport'
  | 'route'
  | 'decoy'
  | 'health'
  | 'page';

export interface SurfaceRoute {
  /** Reserved, byte for byte; nothing may take it over, also while it is off. */
  readonly path: string;
  /** Others are 405 with `Allow`; `GET` allows `HEAD`. */
  readonly methods: readonly string[];
  readonly surface: SurfaceName;
  /** While it is off the path is the decoy's. */
  isOn(config: HttpConfig): boolean;
  readonly handler?: Handler;
  /** The same below the web-standard types, for what must be fast or must not touch the body. */
  readonly answer?: AnswerHandler;
  readonly upgrade?: UpgradeHandler;
  /** 401 to the anonymous, before the handler is asked. */
  readonly identityRequired?: boolean;
  /** A request with a foreign `Origin` is 403 (`docs/spec/http.md` 13). */
  readonly checksOrigin?: boolean;
  /** Default `true`: `Cache-Control: no-store` unless the answer says otherwise. */
  readonly noStore?: boolean;
}

/** What a surface is made with. */
export interface SurfaceHost {
  readonly host: PluginHost<WrittenConfig>;
  /** The configuration in use now. */
  readonly config: () => HttpConfig;
  /** What is on now, of all surfaces. */
  readonly offered: () => ReadonlySet<SurfaceName>;
  /** Counts what lives long: `alknet_http_streams`. */
  readonly streams: (kind: 'sse' | 'websocket' | 'webtransport') => StreamGauge;
}

export interface StreamGauge {
  add(): void;
  remove(): void;
}

export interface Surface {
  readonly routes: readonly SurfaceRoute[];
  /** A new configuration is in use. */
  configure?(config: HttpConfig): Promise<void> | void;
  /** Let idle work go: shutdown or reload begins. */
  drain?(): void;
  stop?(): Promise<void> | void;
}

export type MakeSurface = (parts: SurfaceHost) => Surface;
