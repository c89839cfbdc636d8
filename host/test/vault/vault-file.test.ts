import assert from 'node:assert/strict';
import { chmod, lstat, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createVaultFile,
  IDENTITY,
  openVaultFile,
  parseVaultFile,
  passphraseKey,
  readVaultFile,
  rotateVaultFile,
  unlockVault,
  vaultPath,
  writeSecretFile,
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
  vaultSalt,
  vectorVault,
} from './support.ts';

const ignore = () => {};
const mode = async (path: string) => (await stat(path)).mode & 0o777;

async function place(dataDir: string, file: unknown): Promise<void> {
  await writeFile(vaultPath(dataDir), JSON.stringify(file), { mode: 0o600 });
}

test('VLT-42 the passphrase file of the vectors opens and gives the identity', async (t) => {
  const dataDir = await directory(t);
  await place(dataDir, vectorVault('passphrase'));
  const file = await readVaultFile(dataDir, ignore);
  const key = await passphraseKey(vaultPassphrase, {
    name: 'scrypt',
    N: 131072,
    r: 8,
    p: 1,
    salt: vaultSalt,
  });
  assert.equal(hex(key), '55ec668cdcdcadc65ef8bc3635501a2078128ba78c6ee090a6a9ea1231ee42eb');
  const vault = await openVaultFile(file, vaultPassphrase);
  assert.equal(`ed25519:${hex(vault.deriveEd25519(IDENTITY).publicKey)}`, identityFingerprint);
  assert.equal(vault.mnemonic().reveal(), phrase);
  assert.equal(vault.mnemonicPassphrase(), '');
});

test('VLT-42 the key file of the vectors opens and gives the identity', async (t) => {
  const dataDir = await directory(t);
  await place(dataDir, vectorVault('keyfile'));
  await writeFile(join(dataDir, 'vault.key'), `${unlockKey}\n`, { mode: 0o600 });
  const vault = await unlockVault({ dataDir, warn: assert.fail });
  assert.equal(`ed25519:${hex(vault.deriveEd25519(IDENTITY).publicKey)}`, identityFingerprint);
});

test('VLT-42 what is written has the plaintext and the form of the specification', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked(phrase, 'TREZOR');
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  const text = await readFile(vaultPath(dataDir), 'utf8');
  const key = await readFile(join(dataDir, 'vault.key'), 'utf8');
  assert.match(key, /^[A-Za-z0-9+/]{43}=\n$/);
  assert.deepEqual(Object.keys(JSON.parse(text)), [
    'format',
    'version',
    'identity',
    'createdAt',
    'protection',
    'cipher',
  ]);
  for (const secret of ['abandon', 'TREZOR', key.trim()]) assert.equal(text.includes(secret), false);
  const opened = await unlockVault({ dataDir, warn: assert.fail });
  assert.equal(opened.mnemonicPassphrase(), 'TREZOR');
  assert.deepEqual(opened.deriveEd25519(IDENTITY).publicKey, vault.deriveEd25519(IDENTITY).publicKey);
});

test('VLT-43 a wrong passphrase and a flipped bit give the same error', async () => {
  const file = parseVaultFile(vectorVault('passphrase'));
  const data = Buffer.from(file.cipher.data, 'base64');
  data[0] = (data[0] ?? 0) ^ 1;
  const damaged = { ...file, cipher: { ...file.cipher, data: data.toString('base64') } };
  const attempts = [[file, 'wrong passphrase'] as const, [damaged, vaultPassphrase] as const];
  const messages: string[] = [];
  for (const [tried, passphrase] of attempts) {
    await assert.rejects(openVaultFile(tried, passphrase), (error: Error) => {
      messages.push(error.message);
      return code('UnlockFailed')(error);
    });
  }
  assert.deepEqual(messages, Array(2).fill('wrong passphrase or damaged vault file'));
});

test('VLT-43 a wrong and a damaged unlock key are told from each other by the file, never by the cipher', async (t) => {
  const dataDir = await directory(t);
  await place(dataDir, vectorVault('keyfile'));
  const unlock = () => unlockVault({ dataDir, warn: assert.fail });
  await assert.rejects(unlock(), code('UnlockFailed'));
  await writeFile(join(dataDir, 'vault.key'), 'short\n', { mode: 0o600 });
  await assert.rejects(unlock(), code('UnlockFailed'));
  await writeFile(join(dataDir, 'vault.key'), `${Buffer.alloc(32).toString('base64')}\n`);
  await assert.rejects(unlock(), { code: 'UnlockFailed', message: 'wrong passphrase or damaged vault file' });
});

test('VLT-44 scrypt parameters outside the bounds are refused at once and without their memory', async (t) => {
  const dataDir = await directory(t);
  const bad = [
    { N: 2 ** 13 },
    { N: 2 ** 21 },
    { N: 2 ** 30 },
    { N: 131071 },
    { N: 0 },
    { N: -131072 },
    { N: 131072.5 },
    { N: '131072' },
    { r: 0 },
    { r: 17 },
    { p: 0 },
    { p: 17 },
    { N: 2 ** 20, r: 16 },
    { salt: 'AAAA' },
    { name: 'argon2id' },
  ];
  // A key derived with the dearest of them would take gigabytes.
  const before = process.memoryUsage().rss;
  for (const change of bad) {
    const file = vectorVault('passphrase');
    await place(dataDir, { ...file, kdf: { ...file.kdf, ...change } });
    const prompt = () => assert.fail('asked before the file was checked');
    await assert.rejects(
      unlockVault({ dataDir, prompt, warn: ignore }),
      code('VaultFormat'),
      JSON.stringify(change),
    );
  }
  assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
});

test('VLT-45 two writes of one vault share neither salt nor iv nor data', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  const passphrase = { kind: 'passphrase', passphrase: vaultPassphrase } as const;
  const first = await createVaultFile(dataDir, vault, passphrase);
  const second = await rotateVaultFile(dataDir, vault, passphrase);
  assert.ok(first.kdf && second.kdf);
  assert.notEqual(first.kdf.salt, second.kdf.salt);
  assert.notEqual(first.cipher.iv, second.cipher.iv);
  assert.notEqual(first.cipher.data, second.cipher.data);
  assert.deepEqual([first.kdf.N, first.kdf.r, first.kdf.p], [131072, 8, 1]);
  assert.equal(second.createdAt, first.createdAt);
  assert.equal(second.identity, first.identity);
});

test('VLT-47 a file that others may read is narrowed to 0600 with a warning', async (t) => {
  const dataDir = await directory(t);
  await createVaultFile(dataDir, unlocked(), { kind: 'keyfile' });
  for (const wide of [0o640, 0o604, 0o666, 0o620]) {
    for (const name of ['vault.json', 'vault.key']) {
      const path = join(dataDir, name);
      await chmod(path, wide);
      const warnings: string[] = [];
      await unlockVault({ dataDir, warn: (message) => warnings.push(message) });
      assert.equal(await mode(path), 0o600);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', new RegExp(`${name}.*${wide.toString(8)}`));
    }
  }
});

test('VLT-47 what is no regular file is refused', async (t) => {
  const dataDir = await directory(t);
  await createVaultFile(dataDir, unlocked(), { kind: 'keyfile' });
  const elsewhere = join(dataDir, 'elsewhere.json');
  await rename(vaultPath(dataDir), elsewhere);
  await symlink(elsewhere, vaultPath(dataDir));
  await assert.rejects(readVaultFile(dataDir, ignore), code('FilePermissions'));
});

test('a vault is created once, under any umask with mode 0600, and a second creation leaves it as it is', async (t) => {
  const dataDir = await directory(t);
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const vault = unlocked();
  const attempts = await Promise.allSettled(
    [1, 2, 3].map(() => createVaultFile(dataDir, vault, { kind: 'keyfile' })),
  );
  assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1);
  const text = await readFile(vaultPath(dataDir));
  assert.equal(await mode(vaultPath(dataDir)), 0o600);
  assert.equal(await mode(join(dataDir, 'vault.key')), 0o600);
  await assert.rejects(createVaultFile(dataDir, vault, { kind: 'keyfile' }), code('VaultExists'));
  assert.deepEqual(await readFile(vaultPath(dataDir)), text);
  assert.equal((await unlockVault({ dataDir, warn: assert.fail })).isUnlocked, true);
});

test('changing the protection keeps the identity, and the key on disk goes with the passphrase', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  await rotateVaultFile(dataDir, vault, { kind: 'passphrase', passphrase: vaultPassphrase });
  assert.deepEqual(await readdir(dataDir), ['vault.json']);
  const file = await readVaultFile(dataDir, ignore);
  assert.equal(file.protection, 'passphrase');
  assert.equal((await openVaultFile(file, vaultPassphrase)).mnemonic().reveal(), phrase);
  await rotateVaultFile(dataDir, vault, { kind: 'keyfile' });
  const opened = await unlockVault({ dataDir, warn: assert.fail });
  assert.equal(opened.mnemonic().reveal(), phrase);
  await assert.rejects(
    rotateVaultFile(dataDir, vault, { kind: 'passphrase', passphrase: '' }),
    code('UnlockFailed'),
  );
});

test('a file that is damaged, of another kind or of another node is refused and names the member', async (t) => {
  const dataDir = await directory(t);
  await assert.rejects(readVaultFile(dataDir, ignore), code('VaultMissing'));
  await writeFile(vaultPath(dataDir), '{"format":', { mode: 0o600 });
  await assert.rejects(readVaultFile(dataDir, ignore), code('VaultFormat'));
  const file = vectorVault('keyfile');
  const faults: [RegExp, unknown][] = [
    [/format.*"other"/, { ...file, format: 'other' }],
    [/version.*2/, { ...file, version: 2 }],
    [/protection.*"tpm"/, { ...file, protection: 'tpm' }],
    [/cipher\.name.*"aes-128-gcm"/, { ...file, cipher: { ...file.cipher, name: 'aes-128-gcm' } }],
    [/cipher\.iv/, { ...file, cipher: { ...file.cipher, iv: 'AAAA' } }],
    [/cipher\.data/, { ...file, cipher: { ...file.cipher, data: '!' } }],
    [/cipher\.name.*nothing/, { ...file, cipher: null }],
    [/kdf\.name/, { ...file, protection: 'passphrase' }],
    [/identity/, { ...file, identity: 'ed25519:00' }],
    [/object/, null],
  ];
  for (const [message, value] of faults) {
    assert.throws(
      () => parseVaultFile(value),
      (error: Error) => {
        assert.match(error.message, message);
        return code('VaultFormat')(error);
      },
    );
  }
  const other = parseVaultFile({ ...file, identity: `ed25519:${'0'.repeat(64)}` });
  await assert.rejects(openVaultFile(other, Buffer.from(unlockKey, 'base64')), code('VaultFormat'));
});

test('what a killed writer left behind is removed by the next one, what a live one has open is not', async (t) => {
  const dataDir = await directory(t);
  const path = join(dataDir, 'vault.key');
  const left = `${path}.999999999.0123456789ab.tmp`;
  const live = `${path}.${process.pid}.0123456789ab.tmp`;
  const foreign = `${path}.backup`;
  for (const file of [left, live, foreign]) await writeFile(file, 'key');
  await writeSecretFile(path, 'new');
  await assert.rejects(lstat(left), { code: 'ENOENT' });
  assert.ok(await lstat(live));
  assert.ok(await lstat(foreign));
});
