import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createVaultFile, type NewProtection, rotateVaultFile, unlockVault } from '../../src/vault/index.ts';
import { directory, phrase, unlocked, vaultPassphrase } from './support.ts';

/**
 * Runs `work` with a copy of the directory taken before and after every call that changes it: each copy is what a kill at
 * that point would have left.
 */
async function everyState(t: TestContext, dataDir: string, work: () => Promise<unknown>): Promise<string[]> {
  const copies = await directory(t);
  const states = new Map<string, string>();
  const snapshot = () => {
    const hash = createHash('sha256');
    for (const name of readdirSync(dataDir).sort())
      hash.update(`${name}\0`).update(readFileSync(join(dataDir, name)));
    const digest = hash.digest('hex');
    if (states.has(digest)) return;
    const copy = join(copies, `${states.size}`);
    mkdirSync(copy);
    cpSync(dataDir, copy, { recursive: true });
    states.set(digest, copy);
  };
  const around = (owner: object, name: string) => {
    const original = Reflect.get(owner, name) as (...values: unknown[]) => Promise<unknown>;
    t.mock.method(
      owner as Record<string, () => unknown>,
      name,
      async function (this: unknown, ...values: unknown[]) {
        snapshot();
        const result = await original.apply(this, values);
        snapshot();
        return result;
      },
    );
  };
  const handle = await fs.open(dataDir);
  const fileHandle = Object.getPrototypeOf(handle) as object;
  await handle.close();
  for (const name of ['open', 'writeFile', 'link', 'rename', 'rm']) around(fs, name);
  for (const name of ['writeFile', 'sync']) around(fileHandle, name);
  syncBuiltinESMExports();
  await work();
  t.mock.restoreAll();
  syncBuiltinESMExports();
  return [...states.values()];
}

function whatOpens(dataDir: string): string {
  const read = (name: string) =>
    existsSync(join(dataDir, name)) ? readFileSync(join(dataDir, name), 'utf8') : '';
  return `${read('vault.json')} ${read('vault.key')}`;
}

const passphrase: NewProtection = { kind: 'passphrase', passphrase: vaultPassphrase };
const keyfile: NewProtection = { kind: 'keyfile' };
const changes: [name: string, from: NewProtection, to: NewProtection][] = [
  ['from key file to passphrase', keyfile, passphrase],
  ['from passphrase to key file', passphrase, keyfile],
  ['from key file to key file', keyfile, keyfile],
];

test('VLT-46 a vault opens after a kill at any point of a change of protection', async (t) => {
  for (const [name, from, to] of changes) {
    const dataDir = await directory(t);
    const vault = unlocked();
    await createVaultFile(dataDir, vault, from);
    const states = await everyState(t, dataDir, () => rotateVaultFile(dataDir, vault, to));
    assert.ok(states.length >= 6, `${name}: only ${states.length} states were seen`);
    // Opening takes scrypt half a second: once for all states that differ only in what opening does not read.
    for (const copy of new Map(states.map((copy) => [whatOpens(copy), copy])).values()) {
      const opened = await unlockVault({
        dataDir: copy,
        prompt: async () => vaultPassphrase,
        warn: () => {},
      });
      assert.equal(opened.mnemonic().reveal(), phrase, name);
    }
  }
});

test('VLT-46 a kill at any point of the first write leaves a whole vault or none, and the next try succeeds', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  const states = await everyState(t, dataDir, () => createVaultFile(dataDir, vault, keyfile));
  for (const copy of states) {
    if (!readdirSync(copy).includes('vault.json')) await createVaultFile(copy, vault, keyfile);
    const opened = await unlockVault({ dataDir: copy, warn: assert.fail });
    assert.equal(opened.mnemonic().reveal(), phrase);
  }
});

test('VLT-46 a vault opens after its writer was killed in the middle, and can be written again', async (t) => {
  const dataDir = await directory(t);
  await createVaultFile(dataDir, unlocked(), keyfile);
  const program = fileURLToPath(new URL('./killed-writer.ts', import.meta.url));
  for (let round = 0; round < 2; round++) {
    const child = spawn(process.execPath, [
      '--conditions=alknet:source',
      '--import',
      'tsx',
      program,
      dataDir,
    ]);
    t.after(() => child.kill('SIGKILL'));
    child.stdin.end(phrase);
    await once(child.stdout, 'data');
    // Any moment will do; each round meets another.
    await new Promise((resolve) => setTimeout(resolve, 5 + 20 * Math.random()));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const vault = await unlockVault({ dataDir, warn: assert.fail });
    assert.equal(vault.mnemonic().reveal(), phrase);
    await rotateVaultFile(dataDir, vault, keyfile);
    assert.deepEqual(
      readdirSync(dataDir).filter((name) => name.includes('vault.json.') && name.endsWith('.tmp')),
      [],
    );
  }
});
