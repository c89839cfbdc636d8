/**
 * The files of the operator's page, as `scripts/build-page.mjs` has made them, and their compressed forms.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

export interface Asset {
  readonly type: string;
  readonly etag: string;
  /** By content coding; `identity` is always there. */
  readonly coded: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const files = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/alknet/page.js', 'main.js', 'text/javascript; charset=utf-8'],
  ['/alknet/page.css', 'style.css', 'text/css; charset=utf-8'],
] as const;

export const assetPaths = files.map(([path]) => path);

/** By path. @throws Error when the page has not been built */
export function readAssets(): ReadonlyMap<string, Asset> {
  // By the package, as this module may have become a part of a bundle.
  const manifest = createRequire(import.meta.url).resolve('@alknet/plugin-http/package.json');
  const folder = join(dirname(manifest), 'dist', 'page');
  return new Map(files.map(([path, name, type]) => [path, asset(readFileSync(join(folder, name)), type)]));
}

function asset(content: Buffer, type: string): Asset {
  const hash = createHash('sha256').update(content).digest('base64url');
  return {
    type,
    etag: `"${hash.slice(0, 22)}"`,
    coded: new Map([
      ['br', new Uint8Array(brotliCompressSync(content))],
      ['gzip', new Uint8Array(gzipSync(content, { level: 9 }))],
      ['identity', new Uint8Array(content)],
    ]),
  };
}
