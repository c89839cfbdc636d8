/**
 * The configuration in use: durations in milliseconds, sizes in bytes. A new one is built whole and then swapped; what is
 * in progress goes on under the one that it began with. `docs/spec/http.md` 23.
 *
 * @module
 */

import { inBytes, inMilliseconds } from '@alknet/sdk';
import type { AdapterConfig, WrittenConfig } from './config-schema.ts';

export interface HttpConfig {
  readonly gateway: boolean;
  readonly direct: boolean;
  readonly websocket: boolean;
  readonly wellKnown: boolean;
  readonly page: boolean;
  /** `undefined`: off. */
  readonly mcp: { readonly maxTools: number } | undefined;
  readonly metrics: boolean;
  readonly stealth: 'off' | 'strict';
  readonly decoy: Decoy;
  /** Lower-case origins, `null` or `*`. */
  readonly allowedOrigins: ReadonlySet<string>;
  readonly sse: { readonly heartbeat: number };
  readonly limits: HttpLimits;
  readonly client: {
    readonly connections: number;
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
    readonly proxy?: string | undefined;
  };
  readonly h3: { readonly enabled: boolean; readonly altSvc: boolean };
  /** `undefined`: all that are granted. */
  readonly webtransport: { readonly alpns?: readonly string[] | undefined };
  readonly adapters: readonly AdapterConfig[];
}

export type Decoy =
  | { readonly kind: 'notFound' }
  | { readonly kind: 'static'; readonly root: string }
  | { readonly kind: 'redirect'; readonly to: string };

export interface HttpLimits {
  /** Bytes. */
  readonly body: number;
  readonly batch: number;
  /** Milliseconds. */
  readonly headerTimeout: number;
  /** Milliseconds. */
  readonly bodyTimeout: number;
  /** Milliseconds in which a client must take 64 KiB of an answer, or what is left of it. */
  readonly answerTimeout: number;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Bytes. */
  readonly header: number;
  readonly concurrent: number;
  /** Bytes. */
  readonly wsBuffered: number;
}

const defaultMaxTools = 128;

export function readConfig(written: WrittenConfig): HttpConfig {
  const { mcp, limits, sse } = written;
  return {
    ...written,
    mcp:
      mcp === false
        ? undefined
        : { maxTools: typeof mcp === 'object' ? (mcp.maxTools ?? defaultMaxTools) : defaultMaxTools },
    allowedOrigins: new Set(written.allowedOrigins.map((origin) => origin.toLowerCase())),
    sse: { heartbeat: inMilliseconds(sse.heartbeat) },
    limits: {
      body: inBytes(limits.body),
      batch: limits.batch,
      headerTimeout: inMilliseconds(limits.headerTimeout),
      bodyTimeout: inMilliseconds(limits.bodyTimeout),
      answerTimeout: inMilliseconds(limits.answerTimeout),
      keepAlive: inMilliseconds(limits.keepAlive),
      header: inBytes(limits.header),
      concurrent: limits.concurrent,
      wsBuffered: inBytes(limits.wsBuffered),
    },
  };
}
