/**
 * MCP over streamable HTTP: `/mcp` and `/mcp/gateway`. `docs/spec/http.md` 21.
 *
 * @module
 */

import { readJson } from '../gateway/json-body.ts';
import { fromWebResponse, toWebRequest } from '../server/web.ts';
import type { MakeSurface, SurfaceRoute } from '../surface.ts';
import { McpEndpoint } from './endpoint.ts';
import type { McpSurface } from './tool-server.ts';

export const mcpSurface: MakeSurface = ({ host, config, streams }) => {
  const endpoint = new McpEndpoint({
    log: host.log,
    version: host.node.version,
    heartbeat: () => config().sse.heartbeat,
    maxBytes: () => host.limits.frame,
    calls: () => host.limits.callsPerConnection,
    streams: streams('sse'),
  });
  const route = (path: string, surface: McpSurface): SurfaceRoute => ({
    path,
    methods: ['GET', 'POST', 'DELETE'],
    surface: 'mcp',
    isOn: ({ mcp }) => mcp !== undefined,
    checksOrigin: true,
    answer: async (request, context) => {
      // `null` for no body at all: it is no message either, and the library must not look for one.
      const body =
        request.method === 'POST' ? ((await readJson(request, context.config)) ?? null) : undefined;
      const web = toWebRequest(request, { size: 0, time: 0 });
      return fromWebResponse(await endpoint.respond(surface, web, body, context));
    },
  });
  return {
    routes: [route('/mcp', 'operations'), route('/mcp/gateway', 'gateway')],
    drain: () => endpoint.drain(),
    stop: () => endpoint.stop(),
  };
};
