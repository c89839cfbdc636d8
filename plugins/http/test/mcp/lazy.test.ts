import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('the library of MCP is loaded by the first client or import, not by the plugin', async () => {
  const source = fileURLToPath(new URL('../../src', import.meta.url));
  let dynamic = 0;
  for (const entry of await readdir(source, { recursive: true })) {
    if (!entry.endsWith('.ts')) continue;
    const code = await readFile(join(source, entry), 'utf8');
    const statics = code.match(/^import (?!type )[^;]*'@modelcontextprotocol\/sdk[^']*';/gms) ?? [];
    assert.deepEqual(statics, [], entry);
    dynamic += (code.match(/import\('@modelcontextprotocol\/sdk/g) ?? []).length;
  }
  assert.equal(dynamic, 6);
});
