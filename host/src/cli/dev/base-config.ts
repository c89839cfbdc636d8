/**
 * The author's configuration, as far as `alknet dev` takes it, and the built-in plugins beside it.
 *
 * @module
 */

import { resolve } from 'node:path';
import { loadConfig } from '../../config/index.ts';
import { builtInNames, locatePlugin } from '../../plugins/index.ts';

export interface BaseConfig {
  readonly value: Readonly<Record<string, unknown>>;
  /** Absolute paths of the plugins that it names by `use`. */
  readonly places: ReadonlyMap<string, string>;
}

/** @throws ConfigError */
export async function readBase(path: string | undefined): Promise<BaseConfig> {
  if (path === undefined) return { value: {}, places: new Map() };
  const { document, config } = await loadConfig(path);
  const directory = resolve(path, '..');
  const places = new Map<string, string>();
  for (const [name, { use }] of Object.entries(config.plugins)) {
    if (use === undefined) continue;
    // One that leads to nothing is told when it is loaded.
    const located = await locatePlugin(name, use, directory).catch(() => undefined);
    places.set(
      name,
      /^[./]/.test(use) ? resolve(directory, use) : (located?.root ?? resolve(directory, use)),
    );
  }
  return { value: document.value as Readonly<Record<string, unknown>>, places };
}

/** Names of the built-in plugins that this build has. */
export async function builtInsHere(): Promise<string[]> {
  const found = await Promise.all(
    builtInNames.map((name) =>
      locatePlugin(name, undefined, '.').then(
        () => [name],
        () => [],
      ),
    ),
  );
  return found.flat();
}
