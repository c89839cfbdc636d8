/**
 * The configuration of the node that `alknet dev` runs: the author's own where there is one, with what a throw-away
 * node must have in its place. Pure.
 *
 * @module
 */

import type { Requests } from '@alknet/sdk';
import type { BaseConfig } from './base-config.ts';
import type { Target } from './targets.ts';

export interface DevConfigParts {
  /** The author's configuration. */
  readonly base: BaseConfig;
  /** Built-in plugins that this build has. */
  readonly builtIns: readonly string[];
  readonly targets: readonly Target[];
  /** What a running plugin requests; `undefined` while none runs. */
  readonly requested: (name: string) => Requests | undefined;
  /** Names of secrets that the node has. */
  readonly secrets: readonly string[];
  readonly isolation: string | undefined;
  readonly dataDir: string;
  readonly port: number;
}

type Members = Readonly<Record<string, unknown>>;

export function devConfig(parts: DevConfigParts): Record<string, unknown> {
  const { builtIns, targets, dataDir, port } = parts;
  const { value: base, places } = parts.base;
  const plugins: Record<string, unknown> = Object.fromEntries(
    // The page shows the plugin at work; anybody else's node has it off.
    builtIns.map((name) => [name, name === 'http' ? { config: { page: true } } : true]),
  );
  for (const [name, value] of Object.entries(members(base['plugins']))) {
    const use = places.get(name);
    plugins[name] = use === undefined ? value : { ...members(value), use };
  }
  for (const target of targets) plugins[target.name] = entryOf(target, members(plugins[target.name]), parts);
  const address = `127.0.0.1:${port}`;
  const limits = members(base['limits']);
  return {
    dataDir,
    listen: { quic: address, tls: address },
    // Nobody waits for those who are connected to a throw-away node.
    limits: { drain: '200ms', ...limits },
    ...('log' in base ? { log: { ...members(base['log']), file: undefined } } : {}),
    plugins,
  };
}

function entryOf(target: Target, own: Members, parts: DevConfigParts): Members {
  const { isolation, requested, secrets } = parts;
  const wish = requested(target.name) ?? target.requests;
  return {
    ...own,
    use: target.use,
    enabled: true,
    ...(isolation === undefined ? {} : { isolation }),
    // The author is the operator here. Where he has written a grant, that is what he wants to see at work.
    ...('grant' in own || wish === undefined ? {} : { grant: possible(wish, secrets) }),
  };
}

/** A grant of a secret that does not exist would keep the plugin from starting. */
function possible(requests: Requests, secrets: readonly string[]): Requests {
  const { secrets: named, ...others } = requests;
  const held = named?.filter((name) => secrets.includes(name)) ?? [];
  return { ...others, ...(held.length === 0 ? {} : { secrets: held }) };
}

function members(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
