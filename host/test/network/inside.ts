/** Tests that need addresses of their own: a file of them runs in a process in a network namespace made for it. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Why there can be no namespace here, in one line; `false`: there can. */
export const noNamespace: string | false = (() => {
  try {
    if (process.getuid?.() !== 0) return 'needs root, for a network namespace';
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'needs ip (Debian package iproute2)';
  }
})();

let made = 0;

/** Runs `file` of the folder `inside` where loopback has `addresses` too, and fails when one of its tests does. */
export async function runInside(t: TestContext, file: string, addresses: readonly string[]): Promise<void> {
  const namespace = `alknet-inside-${process.pid}-${++made}`;
  execFileSync('ip', ['netns', 'add', namespace]);
  t.after(() => execFileSync('ip', ['netns', 'delete', namespace]));
  execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  for (const address of addresses)
    execFileSync('ip', ['-n', namespace, 'address', 'add', address, 'dev', 'lo']);
  // The process is no part of the run of tests that this one belongs to, and reports by its exit code and its text.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const path = fileURLToPath(new URL(`inside/${file}`, import.meta.url));
  const child = spawn(
    'ip',
    ['netns', 'exec', namespace, process.execPath, '--conditions=alknet:source', '--import', 'tsx', path],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => {
      text += chunk;
    });
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const [code] = await closed;
  assert.equal(code, 0, text);
  assert.match(text, /^(# |ℹ )pass [1-9]/m);
}
