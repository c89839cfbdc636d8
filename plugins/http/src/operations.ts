/**
 * The operations of the plugin. `docs/spec/http.md` 24.
 *
 * @module
 */

import { listAdapters, refreshAdapter } from './adapters/operations.ts';

export const operations = [listAdapters, refreshAdapter] as const;
