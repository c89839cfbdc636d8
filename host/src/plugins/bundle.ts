/**
 * Makes one module of a plugin and its dependencies, in memory. Outside stay Node's own modules, native addons, and
 * `@alknet/sdk`, which is always the host's copy. `docs/spec/config.md` 6.3.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { createRequire, SourceMap } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type BuildContext,
  type BuildFailure,
  type BuildOptions,
  context,
  type Plugin as EsbuildPlugin,
  type Message,
} from 'esbuild';
import { type ContentDigest, contentDigest } from './integrity.ts';
import { PluginError, placeText, type SourceProblem } from './plugin-error.ts';

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
  const bundler = new Bundler(plugin, entry);
  try {
    return await bundler.build();
  } finally {
    await bundler.dispose();
  }
}

/** Bundles one entry again and again; what has not changed is not parsed anew. */
export class Bundler {
  readonly entry: string;
  readonly #plugin: string;
  readonly #directory: string;
  #context: Promise<BuildContext<Options>> | undefined;
  #inputs = new Map<string, ContentDigest>();
  #missing: string[] = [];

  constructor(plugin: string, entry: string) {
    this.#plugin = plugin;
    this.entry = entry;
    this.#directory = dirname(entry);
  }

  /** What the last build has read, also one that failed. */
  get inputs(): ReadonlyMap<string, ContentDigest> {
    return this.#inputs;
  }

  /** Files that the last build looked for in vain: absolute paths, most without an ending. */
  get missing(): readonly string[] {
    return this.#missing;
  }

  /** @throws PluginError with file, line and column of each fault in the source */
  async build(): Promise<Bundle> {
    const inputs = new Map<string, ContentDigest>();
    this.#inputs = inputs;
    this.#missing = [];
    try {
      this.#context ??= context(this.#options());
      const { outputFiles } = await (await this.#context).rebuild();
      const label = sourceLabel(this.#plugin, ++loads);
      const map = outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '';
      const code = outputFiles.find(({ path }) => !path.endsWith('.map'))?.text ?? '';
      return {
        url: `data:text/javascript;base64,${Buffer.from(`${code}\n//# sourceURL=${label}\n`).toString('base64')}`,
        files: [...inputs.keys()],
        inputs,
        trace: tracer(label, map, this.#directory),
      };
    } catch (error) {
      const { errors = [] } = error as Partial<BuildFailure>;
      this.#missing.push(...errors.flatMap((fault) => missingPath(fault, this.#directory)));
      throw sourceFault(error, errors, this.#directory);
    }
  }

  async dispose(): Promise<void> {
    const made = await this.#context?.catch(() => undefined);
    await made?.dispose();
  }

  #options(): Options {
    const url = pathToFileURL(this.entry).href;
    return {
      absWorkingDir: this.#directory,
      entryPoints: [this.entry],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile: this.entry.replace(/(\.m?)[jt]s$/, '.alknet$1js'),
      sourcemap: 'external',
      sourcesContent: false,
      // Types are stripped as Node strips them: no tsconfig.json, which is no part of a package, changes what runs.
      tsconfigRaw: '{}',
      logLevel: 'silent',
      // A module in memory has no place of its own on the disk.
      define: {
        'import.meta.url': JSON.stringify(url),
        'import.meta.dirname': JSON.stringify(this.#directory),
        'import.meta.filename': JSON.stringify(this.entry),
      },
      // CommonJS dependencies ask for Node's modules by `require`.
      banner: {
        js: `import { createRequire as alknetCreateRequire } from 'node:module'; var require = alknetCreateRequire(${JSON.stringify(url)});`,
      },
      plugins: [this.#outside(), this.#reader()],
    };
  }

  #outside(): EsbuildPlugin {
    return {
      name: 'outside',
      setup: ({ onResolve }) => {
        onResolve({ filter: /^@alknet\/sdk($|\/)/ }, ({ path }) => ({
          path: import.meta.resolve(path),
          external: true,
        }));
        onResolve({ filter: /\.node$/ }, async ({ path, resolveDir }) => {
          const addon = createRequire(`${resolveDir}/`).resolve(path);
          // Node loads it from its file; it is counted all the same.
          this.#inputs.set(addon, contentDigest(await readFile(addon)));
          return { path: addon, external: true };
        });
      },
    };
  }

  /** Reads the files for esbuild, so that what is hashed is what is bundled. */
  #reader(): EsbuildPlugin {
    return {
      name: 'reader',
      setup: ({ onLoad }) => {
        onLoad({ filter: /./, namespace: 'file' }, async ({ path }) => {
          const contents = await readFile(path).catch((error: unknown) => {
            this.#missing.push(path);
            throw error;
          });
          this.#inputs.set(path, contentDigest(contents));
          return { contents, loader: 'default' };
        });
      },
    };
  }
}

type Options = BuildOptions & { write: false };

function tracer(label: string, text: string, directory: string): (stack: string) => string {
  const place = new RegExp(`${label}:(\\d+):(\\d+)`, 'g');
  // Few plugins ever throw: the map is read for the first that does.
  let read: SourceMap | undefined;
  return (stack) =>
    stack.replace(place, (found, line: string, column: string) => {
      read ??= new SourceMap(JSON.parse(text));
      // The map counts from 0.
      const entry = read.findEntry(Number(line) - 1, Number(column) - 1);
      if (!('originalSource' in entry)) return found;
      const { originalSource, originalLine, originalColumn } = entry;
      return `${resolve(directory, originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
    });
}

function sourceFault(error: unknown, errors: readonly Message[], directory: string): PluginError {
  const problems = errors.map(({ text, location }): SourceProblem => {
    if (location === null) return { message: text, place: undefined };
    // esbuild counts columns from 0.
    const place = {
      file: resolve(directory, location.file),
      line: location.line,
      column: location.column + 1,
    };
    return { message: text, place };
  });
  const [first] = problems;
  if (first === undefined) return new PluginError(`cannot be bundled: ${String(error)}`, { cause: error });
  const { message, place } = first;
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  return new PluginError(`${place === undefined ? '' : `${placeText(place)}: `}${message}${more}`, {
    problems,
    cause: error,
  });
}

/** A relative import of a file that is not there: it may be written next. */
function missingPath({ text, location }: Message, directory: string): string[] {
  const [, name] = /^Could not resolve "(\.{1,2}\/[^"]+)"/.exec(text) ?? [];
  if (name === undefined || location === null) return [];
  const path = resolve(directory, dirname(location.file), name);
  return [path.slice(0, path.length - extname(path).length)];
}
