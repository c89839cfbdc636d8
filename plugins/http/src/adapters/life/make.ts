/**
 * An entry of `http.adapters` to the adapter that it means. `docs/spec/http.md` 17.2.
 *
 * @module
 */

import { inBytes, inMilliseconds } from '@alknet/sdk';
import type { AdapterConfig, McpAdapterConfig, OpenApiAdapterConfig } from '../../config-schema.ts';
import type { AdapterParts } from '../adapter.ts';
import { fromJSONSchema } from '../from-json-schema.ts';
import { fromOpenAPI } from '../from-openapi.ts';
import { fromMCP } from '../mcp/from-mcp.ts';
import type { LivingAdapter } from './living.ts';
import { onFileChange } from './watch-file.ts';

/** Milliseconds. */
const defaultRefresh = 3_600_000;

export type MakeAdapter<Config extends AdapterConfig = AdapterConfig> = (
  entry: Config,
  parts: AdapterParts,
) => LivingAdapter;

/** @throws AdapterError `AdapterConfig` */
export const makeAdapter: MakeAdapter = (entry, parts) => {
  switch (entry.kind) {
    case 'openapi':
      return openapi(entry, parts);
    case 'jsonschema': {
      const adapter = fromJSONSchema({ ...entry, ...parts, ...timesAndSizes(entry) });
      return { kind: 'jsonschema', refresh: 0, look: (signal) => adapter.import(signal) };
    }
    case 'mcp':
      return mcp(entry, parts);
  }
};

function openapi(entry: OpenApiAdapterConfig, parts: AdapterParts): LivingAdapter {
  const adapter = fromOpenAPI({ ...entry, ...parts, ...timesAndSizes(entry) });
  const { source } = adapter;
  return {
    kind: 'openapi',
    refresh: source.kind === 'url' ? refreshOf(entry) : 0,
    look: (signal, anew) => (anew ? adapter.import(signal) : adapter.importIfChanged(signal)),
    ...(source.kind === 'file' ? { watch: (changed: () => void) => onFileChange(source.path, changed) } : {}),
  };
}

function mcp(entry: McpAdapterConfig, parts: AdapterParts): LivingAdapter {
  const adapter = fromMCP({ ...entry, ...parts, ...timesAndSizes(entry) });
  return {
    kind: 'mcp',
    refresh: refreshOf(entry),
    look: (signal) => adapter.import(signal),
    watch: (changed) => adapter.watch(changed),
    close: () => adapter.close(),
  };
}

function refreshOf({ refresh }: OpenApiAdapterConfig | McpAdapterConfig): number {
  return refresh === undefined ? defaultRefresh : inMilliseconds(refresh);
}

function timesAndSizes({ timeout, maxResponse }: AdapterConfig) {
  return {
    timeout: timeout === undefined ? undefined : inMilliseconds(timeout),
    maxResponse: maxResponse === undefined ? undefined : inBytes(maxResponse),
  };
}
