import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes, compressed by gzip -9: what any web server does, and the worse of the two that browsers take. */
const budget = 12 * 1024;

test('the whole browser client is under 12 KiB in gzip, and has nothing of Node.js in it', async (t) => {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/browser/index.ts', import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    // As a bundler for the web does it: an import of node: would be an error here.
    platform: 'browser',
  });
  const [bundle] = outputFiles;
  assert.ok(bundle !== undefined);
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  assert.deepEqual(
    imports.filter(({ path, external }) => external === true || path.includes('node_modules')),
    [],
  );
  assert.doesNotMatch(bundle.text, /node:|process\.|setImmediate|require\(/);
  const size = gzipSync(bundle.contents, { level: 9 }).length;
  t.diagnostic(`${bundle.contents.length} bytes minified, ${size} in gzip`);
  assert.ok(size < budget, `${size} bytes, at most ${budget}`);
});
