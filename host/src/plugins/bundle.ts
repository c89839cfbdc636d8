/**
 * Makes one module of a plugin and its dependencies, in memory. Outside stay Node's own modules, native addons, and
 * `@alknet/sdk`, which is always the host's copy. `docs/spec/config.md` 6.3.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { createRequire, SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildFailure, build, type Plugin as EsbuildPlugin } from 'esbuild';
import { type ContentDigest, contentDigest } from './integrity.ts';
import { PluginError } from './plugin-error.ts';

export interface Bundle {
  /** To be imported. */
  readonly url: string;
  /** Absolute paths of all that it is made of. */
  readonly files: readonly string[];
  /** The same with what was read of each: a file is read once, and those bytes are what runs. */
  readonly inputs: ReadonlyMap<string, ContentDigest>;
  /** A stack with the places of the author's source in place of those in memory. */
  trace(stack: string): string;
}

/** What stacks say in place of the file of a module in memory; a number for each load keeps reloads apart. */
export const sourceLabel = (plugin: string, load: number | '' = '') => `alknet-plugin:${plugin}@${load}`;

let loads = 0;

/** @throws PluginError with file, line and column of the first fault in the source */
export async function bundlePlugin(plugin: string, entry: string): Promise<Bundle> {
  const directory = dirname(entry);
  const url = pathToFileURL(entry).href;
  const inputs = new Map<string, ContentDigest>();
  try {
    const { outputFiles } = await build({
      absWorkingDir: directory,
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile: entry.replace(/(\.m?)[jt]s$/, '.alknet$1js'),
      sourcemap: 'external',
      sourcesContent: false,
      // Types are stripped as Node strips them: no tsconfig.json, which is no part of a package, changes what runs.
      tsconfigRaw: '{}',
      logLevel: 'silent',
      // A module in memory has no place of its own on the disk.
      define: {
        'import.meta.url': JSON.stringify(url),
        'import.meta.dirname': JSON.stringify(directory),
        'import.meta.filename': JSON.stringify(entry),
      },
      // CommonJS dependencies ask for Node's modules by `require`.
      banner: {
        js: `import { createRequire as alknetCreateRequire } from 'node:module'; var require = alknetCreateRequire(${JSON.stringify(url)});`,
      },
      plugins: [outside(inputs), reading(inputs)],
    });
    const label = sourceLabel(plugin, ++loads);
    const map = outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '';
    const code = outputFiles.find(({ path }) => !path.endsWith('.map'))?.text ?? '';
    return {
      url: `data:text/javascript;base64,${Buffer.from(`${code}\n//# sourceURL=${label}\n`).toString('base64')}`,
      files: [...inputs.keys()],
      inputs,
      trace: tracer(label, new SourceMap(JSON.parse(map)), directory),
    };
  } catch (error) {
    throw sourceFault(error, directory);
  }
}

function tracer(label: string, map: SourceMap, directory: string): (stack: string) => string {
  const place = new RegExp(`${label}:(\\d+):(\\d+)`, 'g');
  return (stack) =>
    stack.replace(place, (text, line: string, column: string) => {
      // The map counts from 0.
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      if (!('originalSource' in entry)) return text;
      const { originalSource, originalLine, originalColumn } = entry;
      return `${resolve(directory, originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
    });
}

/** Its files are read here and not by esbuild, so that what is hashed is what is bundled. */
const reading = (inputs: Map<string, ContentDigest>): EsbuildPlugin => ({
  name: 'reading',
  setup({ onStart, onLoad }) {
    onStart(() => inputs.clear());
    onLoad({ filter: /./, namespace: 'file' }, async ({ path }) => {
      const contents = await readFile(path);
      inputs.set(path, contentDigest(contents));
      return { contents, loader: 'default' };
    });
  },
});

const outside = (inputs: Map<string, ContentDigest>): EsbuildPlugin => ({
  name: 'outside',
  setup({ onResolve }) {
    onResolve({ filter: /^@alknet\/sdk($|\/)/ }, ({ path }) => ({
      path: import.meta.resolve(path),
      external: true,
    }));
    onResolve({ filter: /\.node$/ }, async ({ path, resolveDir }) => {
      const addon = createRequire(`${resolveDir}/`).resolve(path);
      // Node loads it from its file; it is counted all the same.
      inputs.set(addon, contentDigest(await readFile(addon)));
      return { path: addon, external: true };
    });
  },
});

function sourceFault(error: unknown, directory: string): PluginError {
  const [first] = (error as Partial<BuildFailure>).errors ?? [];
  if (first === undefined) return new PluginError(`cannot be bundled: ${String(error)}`, { cause: error });
  if (first.location === null) return new PluginError(first.text, { cause: error });
  const file = resolve(directory, first.location.file);
  // esbuild counts columns from 0.
  const place = { file, line: first.location.line, column: first.location.column + 1 };
  return new PluginError(`${file}:${place.line}:${place.column}: ${first.text}`, { place, cause: error });
}
