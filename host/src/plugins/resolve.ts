/**
 * Finds the code of a plugin entry; runs none of it. `docs/spec/config.md` 6.1.
 *
 * @module
 */

import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '../config/problems.ts';
import { builtInNames, builtInUrl, NotInThisBuildError } from './built-in.ts';
import { type PackageFacts, readManifest } from './manifest.ts';
import { PluginError } from './plugin-error.ts';

export interface Located {
  readonly builtIn: boolean;
  /** Absent: a single file without a manifest. */
  readonly facts: PackageFacts | undefined;
  /** Absolute path of the module; of a built-in plugin, what `import()` takes. */
  readonly entry: string;
  /** Directory of the package, or the file itself. */
  readonly root: string;
}

/** @throws PluginError that names the paths tried */
export async function locatePlugin(
  name: string,
  use: string | undefined,
  directory: string,
): Promise<Located> {
  if (use === undefined) return builtIn(name);
  const tried: string[] = [];
  const root = /^[./]/.test(use) ? resolve(directory, use) : packageDirectory(use, directory, tried);
  if (root === undefined || !existsSync(root)) {
    const places = root === undefined ? tried : [root];
    throw new PluginError(`use ${JSON.stringify(use)} leads to nothing; tried ${places.join(', ')}`);
  }
  if (statSync(root).isDirectory()) {
    const facts = await readManifest(root);
    if (facts === undefined)
      throw new PluginError(`${join(root, 'package.json')}: expected a field "alknet", found none`);
    return checked(name, { builtIn: false, facts, entry: join(root, facts.manifest.plugin), root });
  }
  if (!/\.m?[jt]s$/.test(root))
    throw new PluginError(`${root}: expected a module that ends in .js, .mjs, .ts or .mts`);
  // The file of a package is that package when its manifest names this very file.
  const facts = await nearestManifest(dirname(root));
  const owns = facts !== undefined && join(facts.directory, facts.manifest.plugin) === root;
  return checked(name, {
    builtIn: false,
    facts: owns ? facts : undefined,
    entry: root,
    root: owns ? facts.directory : root,
  });
}

async function nearestManifest(directory: string): Promise<PackageFacts | undefined> {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return readManifest(at);
    if (dirname(at) === at) return undefined;
  }
}

async function builtIn(name: string): Promise<Located> {
  if (!builtInNames.includes(name)) {
    const near = didYouMean(name, builtInNames);
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    throw new PluginError(`"${name}" is no built-in plugin; say where it is with "use"${hint}`);
  }
  const url = builtInUrl(name);
  for (let at = dirname(fileURLToPath(url)); dirname(at) !== at; at = dirname(at)) {
    const facts = existsSync(join(at, 'package.json')) ? await readManifest(at) : undefined;
    if (facts !== undefined) return checked(name, { builtIn: true, facts, entry: url, root: at });
  }
  throw new NotInThisBuildError(`the plugin "${name}" is not available in this build`);
}

function checked(name: string, located: Located): Located {
  const own = located.facts?.manifest.name;
  if (own !== undefined && own !== name) {
    throw new PluginError(
      `the key is "${name}", and the plugin in ${located.root} is named "${own}"; write plugins.${own}`,
    );
  }
  if (!existsSync(located.builtIn ? fileURLToPath(located.entry) : located.entry)) {
    throw new PluginError(
      `${located.root}: its manifest names ${basename(located.entry)}, and there is no such file; build the package`,
    );
  }
  return located;
}

/** As Node finds it from the file's directory, without asking `exports`: a plugin package need not have a main. */
function packageDirectory(name: string, from: string, tried: string[]): string | undefined {
  const paths = createRequire(join(from, 'alknet.config.json')).resolve.paths(name) ?? [];
  for (const path of paths) {
    const directory = join(path, name);
    tried.push(directory);
    if (existsSync(join(directory, 'package.json'))) return directory;
  }
  return undefined;
}
