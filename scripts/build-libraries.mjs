/**
 * Makes one file of each library below `src/libraries` of a package, in the place of what tsc made there: a command that
 * loads hundreds of files is slow before it has begun. Where this has not run, or tsc has run since, the package is as
 * right as with it, and slower to load.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { root } from './install.mjs';

for (const name of ['sdk', 'host']) {
  const sources = join(root, name, 'src/libraries');
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: readdirSync(sources).map((file) => join(sources, file)),
    outdir: join(root, name, 'dist/libraries'),
    bundle: true,
    write: false,
    metafile: true,
    // In browsers too.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    format: 'esm',
    target: 'es2023',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  });
  for (const { path, contents } of outputFiles) {
    const licenses = path.endsWith('.map')
      ? ''
      : licensesOf(metafile.outputs[`${name}/dist/libraries/${basename(path)}`]);
    // Whole or not at all: a node may be starting beside this.
    writeFileSync(`${path}.${process.pid}`, Buffer.concat([contents, Buffer.from(licenses)]));
    renameSync(`${path}.${process.pid}`, path);
  }
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
