/**
 * Makes one file of each library below `src/libraries` of a package, and of each command that runs for a moment and often,
 * in the place of what tsc made there: what loads hundreds of files is slow before it has begun. Where this has not run, or
 * tsc has run since, the package is as right as with it, and slower to load.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { root } from './install.mjs';

for (const name of ['sdk', 'host']) {
  const sources = join(root, name, 'src/libraries');
  await make({
    entryPoints: readdirSync(sources).map((file) => join(sources, file)),
    outdir: join(root, name, 'dist/libraries'),
    // In browsers too.
    platform: 'neutral',
  });
}
// git starts it for each clone, fetch and push. What it loads only when it must is in files beside it.
const commands = join(root, 'host/dist/cli');
const parts = await make({
  entryPoints: [join(root, 'host/src/cli/git-remote.ts')],
  outdir: commands,
  splitting: true,
  chunkNames: 'parts/[name]-[hash]',
  platform: 'node',
  conditions: ['alknet:source'],
  plugins: [{ name: 'dependencies', setup: leaveDependencies }],
});
for (const file of readdirSync(join(commands, 'parts')))
  if (!parts.includes(join(commands, 'parts', file))) rmSync(join(commands, 'parts', file));

/** Takes in what is ours and what the libraries are made of; other packages stay where they are. */
function leaveDependencies({ onResolve }) {
  onResolve({ filter: /^[^./]/ }, ({ path, importer }) =>
    path.startsWith('@alknet/') || /\/(libraries|node_modules)\//.test(importer)
      ? undefined
      : { path, external: true },
  );
}

async function make(options) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    mainFields: ['module', 'main'],
    format: 'esm',
    target: 'es2023',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
    ...options,
  });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    const licenses = path.endsWith('.map') ? '' : licensesOf(metafile.outputs[relative(root, path)]);
    // Whole or not at all: a node may be starting beside this.
    writeFileSync(`${path}.${process.pid}`, Buffer.concat([contents, Buffer.from(licenses)]));
    renameSync(`${path}.${process.pid}`, path);
  }
  return outputFiles.map(({ path }) => path);
}

/** What the licences of those whose code it is ask for; at the end, where no line of the source map moves. */
function licensesOf({ inputs }) {
  const packages = new Set(
    Object.keys(inputs).map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]),
  );
  packages.delete(undefined);
  return [...packages]
    .map((folder) => {
      const file = readdirSync(join(root, folder)).find((file) => /^licen[cs]e/i.test(file));
      if (file === undefined) throw new Error(`${folder} has no licence that could be kept`);
      return `\n/*! ${folder.replace(/^.*node_modules\//, '')}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n*/\n`;
    })
    .join('');
}
