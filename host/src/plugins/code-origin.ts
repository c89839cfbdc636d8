/**
 * What the code of a plugin is made of: the files of its package, and the modules of others that were bundled with it.
 * `docs/spec/config.md` 8.
 *
 * @module
 */

import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { type ContentDigest, contentDigest, type FileDigest, integrityOf, sameContent } from './integrity.ts';
import { digestFiles, packageFiles } from './package-files.ts';
import { PluginError } from './plugin-error.ts';
import type { Located } from './resolve.ts';

export interface CodeOrigin {
  /** `sha256-` + base64 over the files of the package. */
  readonly integrity: string;
  /** The same over the bundled files that are not of the package; `noFiles` when everything is. */
  readonly modules: string;
  readonly files: readonly FileDigest[];
  readonly outside: readonly FileDigest[];
}

/**
 * @param inputs what the bundler read, by absolute path
 * @throws PluginError when the package is too large, or changed while it was read
 */
export async function codeOrigin(
  { facts, root }: Pick<Located, 'facts' | 'root'>,
  inputs: ReadonlyMap<string, ContentDigest>,
): Promise<CodeOrigin> {
  // The bundler names files without links.
  const place = await realpath(root);
  const own = new Map<string, FileDigest>();
  const foreign: [string, ContentDigest][] = [];
  const paths = facts === undefined ? [basename(place)] : await packageFiles(place, facts.content);
  const listed = new Set(paths);
  const base = facts === undefined ? dirname(place) : place;
  for (const [file, digest] of inputs) {
    const path = relative(base, file).split(sep).join('/');
    if (listed.has(path)) own.set(path, { path, ...digest });
    else foreign.push([file, digest]);
  }
  if (facts !== undefined) {
    const read = own.get('package.json');
    if (read !== undefined && !sameContent(read, facts.digest))
      throw new PluginError(
        `${join(place, 'package.json')} changed while it was loaded; load the plugin again`,
      );
    own.set('package.json', { path: 'package.json', ...facts.digest });
  }
  const files = await digestFiles(base, paths, (path) => own.get(path));
  const outside = await moduleDigests(foreign, base, facts === undefined ? undefined : place);
  return { integrity: integrityOf(files), modules: integrityOf(outside), files, outside };
}

/** Named `<package>@<version>/<path>`, with the `package.json` of each package, which says what its files mean. */
async function moduleDigests(
  files: readonly [string, ContentDigest][],
  base: string,
  ownPackage: string | undefined,
): Promise<FileDigest[]> {
  const homes = new Map<string, Promise<Home | undefined>>();
  const digests = new Map<string, FileDigest>();
  const note = (path: string, digest: ContentDigest) =>
    digests.set(`${path}\0${digest.sha256.toString('hex')}`, { path, ...digest });
  for (const [file, digest] of files) {
    const home = await homeOf(dirname(file), homes);
    const from = home?.directory ?? base;
    const path = relative(from, file).split(sep).join('/');
    if (home === undefined) {
      note(path, digest);
      continue;
    }
    note(`${home.name}/${path}`, digest);
    if (home.directory !== ownPackage) note(`${home.name}/package.json`, home.digest);
  }
  return [...digests.values()];
}

interface Home {
  readonly directory: string;
  /** `<package>@<version>` */
  readonly name: string;
  readonly digest: ContentDigest;
}

/** The nearest directory above whose `package.json` has name and version; those that only set a type do not count. */
function homeOf(directory: string, known: Map<string, Promise<Home | undefined>>): Promise<Home | undefined> {
  let home = known.get(directory);
  if (home === undefined) {
    home = findHome(directory, known);
    known.set(directory, home);
  }
  return home;
}

async function findHome(
  directory: string,
  known: Map<string, Promise<Home | undefined>>,
): Promise<Home | undefined> {
  const bytes = await readFile(join(directory, 'package.json')).catch(() => undefined);
  if (bytes !== undefined) {
    const { name, version } = nameOf(bytes);
    if (name !== undefined && version !== undefined)
      return { directory, name: `${name}@${version}`, digest: contentDigest(bytes) };
  }
  const above = dirname(directory);
  return above === directory ? undefined : homeOf(above, known);
}

function nameOf(bytes: Buffer): { name?: string; version?: string } {
  try {
    const { name, version } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    return typeof name === 'string' && typeof version === 'string' ? { name, version } : {};
  } catch {
    return {};
  }
}
