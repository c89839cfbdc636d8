/**
 * A folder of files as a plain web server shows it. `docs/spec/http.md` 11.
 *
 * @module
 */

import { open, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import type { Answer } from '../server/message.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.htm': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.ico': 'image/x-icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

/** `undefined`: there is no such file, or it lies outside `root`, links followed. */
export async function staticFile(root: string, segments: readonly string[]): Promise<Answer | undefined> {
  try {
    const base = await realpath(root);
    const path = await realpath(join(base, ...segments));
    if (path !== base && !path.startsWith(base.endsWith(sep) ? base : base + sep)) return undefined;
    return (await read(path)) ?? (await within(base, join(path, 'index.html')));
  } catch {
    // Not there, or not readable: the world is told no more than that.
    return undefined;
  }
}

/** The index of a folder may be a link, too. */
async function within(base: string, index: string): Promise<Answer | undefined> {
  const path = await realpath(index);
  return path.startsWith(base + sep) ? read(path) : undefined;
}

/** `undefined` for what is no file. */
async function read(path: string): Promise<Answer | undefined> {
  const file = await open(path, 'r');
  let streaming = false;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return undefined;
    streaming = true;
    return {
      status: 200,
      headers: {
        Server: 'nginx',
        'Content-Type': types[extname(path).toLowerCase()] ?? 'application/octet-stream',
        'Content-Length': String(stat.size),
      },
      body: file.createReadStream({ end: Math.max(0, stat.size - 1) }),
    };
  } finally {
    if (!streaming) await file.close();
  }
}
