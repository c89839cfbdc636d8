/**
 * The files of a package: those that `npm pack` would take. `docs/spec/config.md` 8.
 *
 * @module
 */

import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import packlist from 'npm-packlist';
import { contentDigest, type FileDigest } from './integrity.ts';
import { PluginError } from './plugin-error.ts';

/** Says who vouches for the package. It signs the other files, and so is none of them. */
export const signatureFile = 'alknet.sig.json';
/** Digests of the other files, for whoever looks which one was changed. */
export const filesFile = 'alknet.files.json';

/** What a package may have, so that no directory that somebody names takes the memory or the time of a node. */
export const packageLimits = { files: 10_000, bytes: 256 * 1024 * 1024 } as const;

/**
 * Paths with `/`, relative to the directory. Bundled dependencies are not among them: what of them runs counts as a
 * module of another package.
 *
 * @throws PluginError when they are too many
 */
export async function packageFiles(
  directory: string,
  packageJson: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const { bundleDependencies: _bundle, bundledDependencies: _bundled, ...rest } = packageJson;
  const tree = { path: directory, package: rest, isProjectRoot: true, edgesOut: new Map<string, object>() };
  const files = (await packlist(tree)).filter((path) => path !== signatureFile && path !== filesFile);
  if (files.length > packageLimits.files) {
    throw new PluginError(
      `${directory}: expected at most ${packageLimits.files} files in the package, found ${files.length}; name those that belong to it in "files" of its package.json`,
    );
  }
  return files;
}

/**
 * Reads the files that `known` does not hold.
 *
 * @throws PluginError when they are too large, or one vanished
 */
export async function digestFiles(
  directory: string,
  paths: readonly string[],
  known: (path: string) => FileDigest | undefined = () => undefined,
): Promise<FileDigest[]> {
  let bytes = 0;
  const digests: FileDigest[] = [];
  for (const path of paths) {
    const file = join(directory, path);
    const digest = known(path);
    bytes += digest?.size ?? (await sizeOf(file));
    if (bytes > packageLimits.bytes) {
      throw new PluginError(
        `${directory}: expected at most ${packageLimits.bytes} bytes in the package, found more; name what belongs to it in "files" of its package.json`,
      );
    }
    digests.push(digest ?? { path, ...contentDigest(await readFile(file)) });
  }
  return digests;
}

async function sizeOf(file: string): Promise<number> {
  const stats = await lstat(file).catch(() => undefined);
  if (stats?.isFile() !== true)
    throw new PluginError(`${file}: expected a file, and it is gone; load the plugin again`);
  return stats.size;
}
