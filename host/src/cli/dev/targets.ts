/**
 * The plugins that `alknet dev` is asked to serve: package directories and single files. Runs none of their code.
 *
 * @module
 */

import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Requests } from '@alknet/sdk';
import { readManifest } from '../../plugins/index.ts';
import { usage } from '../exit.ts';

export interface Target {
  /** As the plugin calls itself. */
  readonly name: string;
  /** Absolute path: directory of the package, or the file. */
  readonly use: string;
  /** Where its `tsconfig.json` and its `node_modules` are looked for. */
  readonly directory: string;
  /** What its manifest wishes; `undefined` for a single file, which tells when it is loaded. */
  readonly requests: Requests | undefined;
}

/** @throws CliError exit 2, PluginError of a malformed manifest */
export async function targetOf(path: string): Promise<Target> {
  const use = resolve(path);
  if (!existsSync(use)) throw usage(`${path}: expected a plugin's directory or file, found nothing`);
  if (statSync(use).isDirectory()) {
    const facts = await readManifest(use);
    if (facts === undefined)
      throw usage(
        `${path}: expected a package.json with the field "alknet", found none`,
        'give the file of a plugin, or the directory of a plugin package',
      );
    const { name, requests } = facts.manifest;
    return { name, use, directory: use, requests };
  }
  if (!/\.m?[jt]s$/.test(use)) throw usage(`${path}: expected a module that ends in .js, .mjs, .ts or .mts`);
  return {
    name: await nameInFile(use),
    use,
    directory: dirname(use),
    requests: undefined,
  };
}

/** Whether the directory is a plugin package. */
export async function isPlugin(directory: string): Promise<boolean> {
  return (await readManifest(directory)) !== undefined;
}

/** What `definePlugin` is given as name, as far as the text tells; else the name of the file. */
async function nameInFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  // Operations have names too, and those have a slash.
  const [, name] =
    /\bdefinePlugin\(\s*\{[\s\S]*?\bname:\s*['"`]([a-z][a-zA-Z0-9-]{0,39})['"`]/.exec(text) ?? [];
  return name ?? basename(file).replace(/\.m?[jt]s$/, '');
}
