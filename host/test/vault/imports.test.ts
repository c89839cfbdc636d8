import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

test('VLT-38 the vault imports Node, two libraries, and nothing else of alknet', async () => {
  const folder = new URL('../../src/vault/', import.meta.url);
  const files = await readdir(folder);
  assert.ok(files.length > 5);
  const allowed = /^(?:node:|@scure\/bip39|@scure\/bip32|\.\/[a-z0-9-]+\.ts$)/;
  for (const file of files) {
    const source = await readFile(new URL(file, folder), 'utf8');
    for (const [, specifier = ''] of source.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g)) {
      assert.match(specifier, allowed, file);
    }
  }
});
