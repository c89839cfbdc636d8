/**
 * What the code of a plugin imports, and may: Node, the sdk, the files of its own package, and packages that are
 * installed with it. Types do not count, since nothing of them runs. `docs/spec/cli.md` 9.
 *
 * @module
 */

import { realpath } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { type BuildFailure, build, type Metafile } from 'esbuild';
import type { PackageFacts } from './manifest.ts';
import { packageFiles } from './package-files.ts';
import { PluginError } from './plugin-error.ts';

/**
 * One sentence for each import that is not the plugin's to make; empty when all are.
 *
 * @param facts of its package; absent for a plugin of a single file, which has no list of files or dependencies
 * @throws PluginError when the module cannot be bundled
 */
export async function importFaults(entry: string, facts: PackageFacts | undefined): Promise<string[]> {
  const directory = await realpath(facts?.directory ?? dirname(entry));
  const main = slashed(relative(directory, await realpath(entry)));
  const { inputs } = await graph(directory, main);
  const packed = facts && new Set(await packageFiles(directory, facts.content));
  const needs = facts && dependencies(facts);
  const faults: string[] = [];
  const seen = new Set<string>();
  /** `own`: of the plugin's package, and not of one that it depends on. */
  const look = (file: string, own: boolean) => {
    if (seen.has(file)) return;
    seen.add(file);
    if (own && packed?.has(file) === false)
      faults.push(
        `${file} is not in the package that others install: add it to "files" of package.json, or move it inside`,
      );
    for (const { path, external, original = path } of inputs[file]?.imports ?? []) {
      const name = packageOf(original);
      if (name !== undefined && /^@alknet\/(?!sdk$)/.test(name))
        faults.push(`${file} imports ${original}: ${reach}`);
      else if (own && name !== undefined && needs?.has(name) === false)
        faults.push(`${file} imports ${original}: add ${name} to "dependencies" of package.json`);
      if (external !== true) look(path, own && name === undefined);
    }
  };
  look(main, true);
  return faults;
}

const reach =
  'a plugin reaches the host by start(host) and other plugins by their operations; write "import type" where only types are used';

/** By path from the directory; that of a linked package leads out of it. */
async function graph(directory: string, main: string): Promise<Metafile> {
  try {
    const { metafile } = await build({
      absWorkingDir: directory,
      entryPoints: [join(directory, main)],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      tsconfigRaw: '{}',
      logLevel: 'silent',
      // Of these the name is enough.
      external: ['@alknet/*', '*.node'],
    });
    return metafile;
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? [];
    const at = first?.location;
    const where = at ? `${join(directory, at.file)}:${at.line}:${at.column + 1}: ` : '';
    throw new PluginError(`${where}${first?.text ?? String(error)}`, { cause: error });
  }
}

const slashed = (path: string) => path.split(sep).join('/');

/** `undefined` for what is no package: a file, one of Node's modules, an import by `#`. */
function packageOf(specifier: string): string | undefined {
  if (/^[./#]/.test(specifier) || specifier.includes(':') || isBuiltin(specifier)) return undefined;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function dependencies({ name, content }: PackageFacts): ReadonlySet<string> {
  const lists = ['dependencies', 'optionalDependencies', 'peerDependencies'];
  // The sdk is the host's, and need not be named.
  return new Set(['@alknet/sdk', name, ...lists.flatMap((list) => Object.keys(content[list] ?? {}))]);
}
