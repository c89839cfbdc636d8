import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The promise is of 1,000, which take minutes: `ALKNET_RELOADS=1000`. */
const reloads = Number(process.env['ALKNET_RELOADS'] ?? 40);
const script = fileURLToPath(new URL('reload-memory.mjs', import.meta.url));

for (const [title, ...args] of [
  ['reloads of a worker leave memory flat'],
  ['so do reloads into threads that were kept ready', 'spare'],
] as const) {
  test(`CFG-29 ${title}`, { timeout: 120_000 + reloads * 2000 }, async () => {
    const command = ['--expose-gc', script, String(reloads), ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command);
    const { before, after } = JSON.parse(stdout) as Record<'before' | 'after', { js: number; rss: number }>;
    // A replaced instance that stayed would hold its bundle and its thread: hundreds of KiB for each.
    const grown = (after.js - before.js) / reloads / 1024;
    assert.ok(grown < 16, `each reload left ${grown.toFixed(1)} KiB`);
    assert.ok(
      after.rss < 1.5 * before.rss,
      `${reloads} reloads left ${((after.rss - before.rss) / 2 ** 20).toFixed(0)} MiB resident`,
    );
  });
}
