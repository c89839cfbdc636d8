/**
 * Bundles the operator's page of the http plugin into plugins/http/dist/page, beside what tsc makes. It is read from
 * there as files, so that the plugin needs no bundler where it runs.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './install.mjs';

const source = join(root, 'plugins/http/src/page/browser');

/** Its files by name: what is written by {@link buildPage}. */
export async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [join(source, 'main.ts'), join(source, 'style.css'), join(source, 'index.html')],
    outdir: 'page',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: ['chrome115', 'firefox115', 'safari16.4'],
    loader: { '.html': 'copy' },
    // From the source, so that the page does not wait for tsc.
    conditions: ['alknet:source'],
    entryNames: '[name]',
    assetNames: '[name]',
    logLevel: 'warning',
  });
  return new Map(outputFiles.map(({ path, contents }) => [path.split(/[\\/]/).at(-1), contents]));
}

export async function buildPage() {
  const folder = join(root, 'plugins/http/dist/page');
  mkdirSync(folder, { recursive: true });
  for (const [name, contents] of await bundlePage()) {
    // Whole or not at all: a node may be starting beside this.
    const path = join(folder, name);
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildPage();
