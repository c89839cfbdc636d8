import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { firstConfig } from '../../src/cli/first-config.ts';
import { startNode } from '../../src/node.ts';
import { Registry } from '../../src/registry/registry.ts';
import { createVaultFile } from '../../src/vault/index.ts';
import { directory, unlocked } from './support.ts';

const vaultWords = /^(?:un)?locks?$|^deriv|^encrypt|^decrypt|^rotat|^mnemonic$|^seed$/;

/** `host/unlockVault` → host, unlock, vault */
const wordsOf = (name: string) => name.split(/[^A-Za-z]+|(?=[A-Z])/).map((word) => word.toLowerCase());

test('VLT-39 the registry of a full node has no operation of the vault, internal ones included', async (t) => {
  const dataDir = await directory(t);
  await createVaultFile(dataDir, unlocked(), { kind: 'keyfile' });
  const configPath = join(dataDir, 'alknet.config.json');
  await writeFile(configPath, firstConfig(dataDir, '127.0.0.1:0'));
  const registries: Registry[] = [];
  const { load } = Registry.prototype;
  t.mock.method(Registry.prototype, 'load', function (this: Registry) {
    registries.push(this);
    return load.call(this);
  });
  const logStream = new Writable({ write: (_chunk, _encoding, done) => done() });
  const node = await startNode({ configPath, logStream });
  t.after(() => node.stop());

  const names = registries.flatMap((registry) => registry.base.all().map(({ operation }) => operation.name));
  assert.ok(names.includes('services/list') && names.includes('host/status'), names.join(', '));
  for (const name of names) {
    assert.equal(name.split('/')[0] === 'vault', false, name);
    assert.deepEqual(
      wordsOf(name).filter((word) => vaultWords.test(word)),
      [],
      name,
    );
  }
  assert.deepEqual(
    wordsOf('host/unlockVault').filter((word) => vaultWords.test(word)),
    ['unlock'],
  );
});
