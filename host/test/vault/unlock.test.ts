import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createVaultFile,
  IDENTITY,
  readPassphraseFile,
  unlockVault,
  Vault,
  vaultPath,
} from '../../src/vault/index.ts';
import {
  code,
  directory,
  hex,
  identityFingerprint,
  phrase,
  unlocked,
  unlockKey,
  vaultPassphrase,
  vectorVault,
} from './support.ts';

const neverAsked = () => assert.fail('the prompt was reached');

async function passphraseVault(dataDir: string): Promise<void> {
  await writeFile(vaultPath(dataDir), JSON.stringify(vectorVault('passphrase')), { mode: 0o600 });
}

async function secretFile(path: string, content: string | Uint8Array, mode = 0o600): Promise<string> {
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

test('VLT-49 an explicit passphrase file that is wrong is final, and is named without its content', async (t) => {
  const dataDir = await directory(t);
  await passphraseVault(dataDir);
  const credentialsDirectory = join(dataDir, 'credentials');
  await mkdir(credentialsDirectory);
  await secretFile(join(credentialsDirectory, 'alknet-passphrase'), vaultPassphrase);
  const passphraseFile = await secretFile(join(dataDir, 'passphrase'), 'not the right one\n');
  const sources = { dataDir, credentialsDirectory, prompt: neverAsked, warn: assert.fail };
  for (const file of [passphraseFile, join(dataDir, 'absent')]) {
    await assert.rejects(unlockVault({ ...sources, passphraseFile: file }), (error: Error) => {
      assert.ok(error.message.includes(file));
      assert.equal(error.message.includes('not the right one'), false);
      return code('UnlockFailed')(error);
    });
  }
});

test('the sources are looked at in order: file, credential, prompt, and none', async (t) => {
  const dataDir = await directory(t);
  await passphraseVault(dataDir);
  const passphraseFile = await secretFile(join(dataDir, 'passphrase'), `${vaultPassphrase}\r\n`);
  const credentialsDirectory = join(dataDir, 'credentials');
  await mkdir(credentialsDirectory);
  const sources = { dataDir, credentialsDirectory, prompt: neverAsked, warn: assert.fail };
  const byFile = await unlockVault({ ...sources, passphraseFile });
  assert.equal(`ed25519:${hex(byFile.deriveEd25519(IDENTITY).publicKey)}`, identityFingerprint);
  const attempts: number[] = [];
  const prompt = async (attempt: number) => {
    attempts.push(attempt);
    return attempt === 3 ? vaultPassphrase : 'wrong';
  };
  assert.equal((await unlockVault({ ...sources, prompt })).isUnlocked, true);
  assert.deepEqual(attempts, [1, 2, 3]);
  await assert.rejects(unlockVault({ dataDir, credentialsDirectory, warn: assert.fail }), (error: Error) => {
    for (const way of ['--passphrase-file', 'credential', 'terminal', '--none'])
      assert.ok(error.message.includes(way));
    return code('NoUnlockSource')(error);
  });
  await secretFile(join(credentialsDirectory, 'alknet-passphrase'), vaultPassphrase);
  assert.equal((await unlockVault(sources)).isUnlocked, true);
});

test('the prompt is asked three times and no more', async (t) => {
  const dataDir = await directory(t);
  await passphraseVault(dataDir);
  let asked = 0;
  const prompt = async () => `wrong ${++asked}`;
  await assert.rejects(unlockVault({ dataDir, prompt, warn: assert.fail }), code('UnlockFailed'));
  assert.equal(asked, 3);
});

test('a vault with a key on disk opens with it and says that a passphrase is ignored', async (t) => {
  const dataDir = await directory(t);
  await writeFile(vaultPath(dataDir), JSON.stringify(vectorVault('keyfile')), { mode: 0o600 });
  await writeFile(join(dataDir, 'vault.key'), `${unlockKey}\n`, { mode: 0o600 });
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const passphraseFile = join(dataDir, 'absent');
  assert.equal((await unlockVault({ dataDir, passphraseFile, prompt: neverAsked, warn })).isUnlocked, true);
  assert.match(warnings.join(), /ignored/);
});

test('a passphrase file: one newline goes, text stays, and what others may read is refused', async (t) => {
  const dataDir = await directory(t);
  const path = join(dataDir, 'passphrase');
  const read = async (
    content: string | Uint8Array,
    mode?: number,
    warn: (message: string) => void = assert.fail,
  ) => readPassphraseFile(await secretFile(path, content, mode), warn);
  assert.equal(await read('two words'), 'two words');
  assert.equal(await read(' spaces \n'), ' spaces ');
  assert.equal(await read('crlf\r\n'), 'crlf');
  assert.equal(await read('two\n\n'), 'two\n');
  for (const empty of ['', '\n', '\r\n']) await assert.rejects(read(empty), code('UnlockFailed'));
  await assert.rejects(read(Uint8Array.of(0xff, 0xfe)), code('UnlockFailed'));
  await assert.rejects(read('secret', 0o604), (error: Error) => {
    assert.match(error.message, /chmod 600/);
    return code('FilePermissions')(error);
  });
  const warnings: string[] = [];
  assert.equal(await read('secret', 0o640, (message) => warnings.push(message)), 'secret');
  assert.match(warnings.join(), /group/);
});

test('a handle that was locked can be unlocked again', async (t) => {
  const dataDir = await directory(t);
  await createVaultFile(dataDir, unlocked(), { kind: 'keyfile' });
  const vault = new Vault();
  assert.equal(await unlockVault({ dataDir, vault, warn: assert.fail }), vault);
  assert.equal(vault.mnemonic().reveal(), phrase);
  vault.lock();
  await unlockVault({ dataDir, vault, warn: assert.fail });
  assert.equal(vault.isUnlocked, true);
  await assert.rejects(unlockVault({ dataDir, vault, warn: assert.fail }), code('AlreadyUnlocked'));
});
