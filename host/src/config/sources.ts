/**
 * Where a node finds its configuration file and data directory. `docs/spec/cli.md` 1. Pure but for the look whether a
 * file is there.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export type Origin = 'option' | 'environment' | 'file' | 'default';

export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the user; absent: of this process. */
  readonly uid?: number;
}

export const thisProcess = (): Surroundings => ({
  cwd: process.cwd(),
  env: process.env,
  ...(process.getuid === undefined ? {} : { uid: process.getuid() }),
});

export interface Found {
  readonly path: string;
  readonly origin: Origin;
}

/** `undefined` when there is none; a file that option or environment name is not looked for elsewhere. */
export function findConfig(option: string | undefined, { cwd, env }: Surroundings): Found | undefined {
  if (option !== undefined) return { path: resolve(cwd, option), origin: 'option' };
  if (env['ALKNET_CONFIG']) return { path: resolve(cwd, env['ALKNET_CONFIG']), origin: 'environment' };
  const places = [
    join(cwd, 'alknet.config.json'),
    join(env['XDG_CONFIG_HOME'] || join(home(env), '.config'), 'alknet', 'alknet.config.json'),
    '/etc/alknet/alknet.config.json',
  ];
  const path = places.find((place) => existsSync(place));
  return path === undefined ? undefined : { path, origin: 'default' };
}

/** `fromFile`: `dataDir` of the configuration, absolute already. */
export function findDataDir(
  option: string | undefined,
  fromFile: string | undefined,
  { cwd, env, uid }: Surroundings,
): Found {
  if (option !== undefined) return { path: resolve(cwd, option), origin: 'option' };
  if (env['ALKNET_DATA']) return { path: resolve(cwd, env['ALKNET_DATA']), origin: 'environment' };
  if (fromFile !== undefined) return { path: fromFile, origin: 'file' };
  if (env['XDG_DATA_HOME']) return { path: join(env['XDG_DATA_HOME'], 'alknet'), origin: 'default' };
  if (uid === 0) return { path: '/var/lib/alknet', origin: 'default' };
  return { path: join(home(env), '.local', 'share', 'alknet'), origin: 'default' };
}

function home(env: Surroundings['env']): string {
  return env['HOME'] || homedir();
}
