/**
 * The surfaces of the server, in no order: their paths never meet.
 *
 * @module
 */

import { gatewaySurface } from './gateway/surface.ts';
import type { MakeSurface } from './surface.ts';

export const surfaces: readonly MakeSurface[] = [gatewaySurface];
