/**
 * The surfaces of the server, in no order: their paths never meet.
 *
 * @module
 */

import { adapterSurface } from './adapters/surface.ts';
import { gatewaySurface } from './gateway/surface.ts';
import { mcpSurface } from './mcp/surface.ts';
import { openapiSurface } from './openapi/surface.ts';
import { pageSurface } from './page/surface.ts';
import { metricsSurface } from './prometheus.ts';
import type { MakeSurface } from './surface.ts';
import { webSocketSurface } from './websocket/surface.ts';
import { wellKnownSurface } from './well-known.ts';

export const surfaces: readonly MakeSurface[] = [
  gatewaySurface,
  adapterSurface,
  mcpSurface,
  metricsSurface,
  openapiSurface,
  pageSurface,
  webSocketSurface,
  wellKnownSurface,
];
