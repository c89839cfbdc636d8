/**
 * `/.well-known/alknet`: what this node is, to whoever wants to connect. `docs/spec/http.md` 14.
 *
 * @module
 */

import { jsonAnswer } from './answers.ts';
import type { MakeSurface, SurfaceName } from './surface.ts';

const told: readonly SurfaceName[] = ['gateway', 'direct', 'mcp', 'websocket', 'webtransport'];

export const wellKnownSurface: MakeSurface = ({ host, offered }) => ({
  routes: [
    {
      path: '/.well-known/alknet',
      methods: ['GET'],
      surface: 'health',
      // Under stealth nobody is told that a node is here, not even who knows it.
      isOn: ({ wellKnown, stealth }) => wellKnown && stealth === 'off',
      answer: async () => {
        const on = offered();
        const answer = jsonAnswer(
          JSON.stringify({
            node: host.node.id,
            alpns: alpnsOf(await host.operations.invoke('host/status', {})),
            surfaces: told.filter((name) => on.has(name)),
          }),
        );
        answer.headers['Cache-Control'] = 'max-age=60';
        return answer;
      },
    },
  ],
});

/** Names that any listener offers, sorted. */
function alpnsOf(status: unknown): readonly string[] {
  const names = new Set<string>();
  if (isStatus(status)) for (const { alpns } of status.listeners) for (const name of alpns) names.add(name);
  return [...names].sort();
}

function isStatus(
  value: unknown,
): value is { readonly listeners: readonly { readonly alpns: readonly string[] }[] } {
  return (
    typeof value === 'object' && value !== null && 'listeners' in value && Array.isArray(value.listeners)
  );
}
