/** What `npm install` would bring to a package that somebody writes: links to the packages of this workspace. */

import { mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** The sdk, and the tools that the template names. */
const wanted = ['@alknet/sdk', '@types/node', 'undici-types', 'tsx', 'typescript', '.bin'];

export async function linkPackages(folder: string, more: readonly string[] = []): Promise<void> {
  const present = new Set([
    ...(await readdir(modules)),
    ...(await scoped('@alknet')),
    ...(await scoped('@types')),
  ]);
  for (const name of [...wanted, ...more]) {
    if (!present.has(name)) continue;
    const path = join(folder, 'node_modules', name);
    await mkdir(dirname(path), { recursive: true });
    await symlink(join(modules, name), path);
  }
}

async function scoped(scope: string): Promise<string[]> {
  return (await readdir(join(modules, scope))).map((name) => `${scope}/${name}`);
}
