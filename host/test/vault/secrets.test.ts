import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NodeSecrets } from '../../src/node/secrets.ts';
import {
  listSecrets,
  openSecret,
  parseSecrets,
  readSecrets,
  removeSecret,
  rotateSecrets,
  secretsPath,
  secretText,
  setSecret,
  Vault,
} from '../../src/vault/index.ts';
import { type Line, recordingLog } from '../endpoint/support.ts';
import { code, directory, phrase, unlocked } from './support.ts';

const ignore = () => {};

test('VLT-58 a damaged secrets.json is refused, and the secrets in use stay', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  await setSecret(dataDir, vault, 'api.key', 'first', ignore);
  const lines: Line[] = [];
  const secrets = new NodeSecrets(dataDir, vault, recordingLog(lines));
  await secrets.load();
  const whole = await readFile(secretsPath(dataDir), 'utf8');
  const damaged = [
    whole.slice(0, whole.length / 2),
    '',
    whole.replace('alknet-secrets', 'other'),
    whole.replace('key_version', 'keyVersion'),
    whole.replace('"keyVersion": 2', '"keyVersion": 1'),
  ];
  for (const text of damaged) {
    await writeFile(secretsPath(dataDir), text);
    assert.equal(await secrets.reload(), false);
    assert.match(secrets.problem ?? '', /secrets\.json/);
    assert.equal(lines.at(-1)?.event, 'secrets refused');
    assert.equal(secrets.capabilities('plugin', ['api.key']).get('api.key'), 'first');
  }
  await writeFile(secretsPath(dataDir), whole);
  await setSecret(dataDir, vault, 'api.key', 'second', ignore);
  assert.equal(await secrets.reload(), true);
  assert.equal(secrets.problem, undefined);
  assert.equal(secrets.capabilities('plugin', ['api.key']).get('api.key'), 'second');
  assert.equal(JSON.stringify(lines).includes('second'), false);
});

test('VLT-59 two processes that write at once lose no secret', async (t) => {
  const dataDir = await directory(t);
  const program = fileURLToPath(new URL('./secret-writer.ts', import.meta.url));
  const exits = ['a', 'b'].map(async (prefix) => {
    const child = spawn(process.execPath, [
      '--conditions=alknet:source',
      '--import',
      'tsx',
      program,
      dataDir,
      prefix,
      '12',
    ]);
    t.after(() => child.kill());
    child.stdin.end(phrase);
    const [status] = await once(child, 'exit');
    return status;
  });
  assert.deepEqual(await Promise.all(exits), [0, 0]);
  const file = await readSecrets(dataDir, assert.fail);
  assert.equal(Object.keys(file.secrets).length, 24);
  for (const name of Object.keys(file.secrets))
    assert.equal(openSecret(file, unlocked(), name), `value of ${name}`);
  assert.deepEqual(await readdir(dataDir), ['secrets.json']);
});

test('VLT-59 writers of one process, and a lock whose owner is gone, lose no secret either', async (t) => {
  const dataDir = await directory(t);
  const lock = `${secretsPath(dataDir)}.lock`;
  const vault = unlocked();
  for (const owner of [999_999_999, process.pid]) {
    await writeFile(lock, `${owner}\n`);
    const names = Array.from({ length: 10 }, (_, i) => `owner-${owner}-${i}`);
    await Promise.all(names.map((name) => setSecret(dataDir, vault, name, name, ignore)));
  }
  assert.equal((await listSecrets(dataDir, ignore)).length, 20);
  assert.deepEqual(await readdir(dataDir), ['secrets.json']);
});

test('a lock of a living process is respected, and its holder is said to be busy after 5 s', async (t) => {
  const dataDir = await directory(t);
  await writeFile(`${secretsPath(dataDir)}.lock`, `${process.ppid}\n`);
  t.mock.timers.enable({ apis: ['Date'], now: 0 });
  const failure = assert.rejects(
    setSecret(dataDir, unlocked(), 'name', 'value', ignore),
    code('SecretsBusy'),
  );
  t.mock.timers.setTime(6000);
  await failure;
  assert.equal((await readSecrets(dataDir, ignore)).secrets['name'], undefined);
});

test('a secret is set, listed without its value, replaced and removed', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  const value = 'sk-live-0123456789';
  await setSecret(dataDir, vault, 'github.token', value, ignore);
  assert.equal((await stat(secretsPath(dataDir))).mode & 0o777, 0o600);
  const text = await readFile(secretsPath(dataDir), 'utf8');
  for (const form of [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')]) {
    assert.equal(text.includes(form), false);
  }
  const [first] = await listSecrets(dataDir, ignore);
  assert.deepEqual(Object.keys(first ?? {}), ['name', 'keyVersion', 'createdAt', 'updatedAt']);
  await setSecret(dataDir, vault, 'github.token', 'next', ignore);
  const file = await readSecrets(dataDir, ignore);
  assert.equal(openSecret(file, vault, 'github.token'), 'next');
  assert.equal(file.secrets['github.token']?.createdAt, first?.createdAt);
  await removeSecret(dataDir, 'github.token', ignore);
  await assert.rejects(removeSecret(dataDir, 'github.token', ignore), code('SecretMissing'));
  assert.throws(() => openSecret(file, vault, 'constructor'), code('SecretMissing'));
  await setSecret(dataDir, vault, 'constructor', 'a name as good as another', ignore);
  assert.equal((await listSecrets(dataDir, ignore)).length, 1);
});

test('names and values outside the bounds are refused, and nothing is written', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  for (const name of [
    '',
    '.a',
    '-a',
    'a b',
    'a/b',
    'ä',
    'a'.repeat(65),
    '__proto__',
    'ssh.hostKey',
    'identity.sign',
    'device.key',
    'ethereum.key',
    'msg.keys',
  ]) {
    await assert.rejects(setSecret(dataDir, vault, name, 'value', ignore), code('SecretName'), name);
  }
  for (const value of ['', 'x'.repeat(64 * 1024 + 1), 'half \ud83d']) {
    await assert.rejects(setSecret(dataDir, vault, 'name', value, ignore), code('SecretValue'));
  }
  await assert.rejects(setSecret(dataDir, new Vault(), 'name', 'value', ignore), code('VaultLocked'));
  assert.deepEqual(await readdir(dataDir), []);
  await setSecret(dataDir, vault, 'A'.repeat(64), 'x'.repeat(64 * 1024), ignore);
  assert.equal(secretText(Buffer.from('value\n')), 'value');
  assert.throws(() => secretText(Buffer.from('\n')), code('SecretValue'));
  assert.throws(() => secretText(Uint8Array.of(0xc3)), code('SecretValue'));
});

test('rotation re-encrypts every value in one write, and new values follow', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  for (const name of ['a', 'b', 'c']) await setSecret(dataDir, vault, name, `value ${name}`, ignore);
  const before = await readSecrets(dataDir, ignore);
  assert.equal(await rotateSecrets(dataDir, vault, undefined, ignore), 3);
  const after = await readSecrets(dataDir, ignore);
  assert.equal(after.keyVersion, 3);
  for (const name of ['a', 'b', 'c']) {
    assert.equal(after.secrets[name]?.value.key_version, 3);
    assert.equal(openSecret(after, vault, name), `value ${name}`);
    assert.equal(openSecret(before, vault, name), `value ${name}`);
  }
  await setSecret(dataDir, vault, 'd', 'value', ignore);
  assert.equal((await readSecrets(dataDir, ignore)).secrets['d']?.value.key_version, 3);
  for (const to of [2, 3, 2 ** 31 + 2]) {
    await assert.rejects(rotateSecrets(dataDir, vault, to, ignore), code('InvalidPath'));
  }
  assert.equal(await rotateSecrets(dataDir, vault, 10, ignore), 10);
});

test('members that are not known are kept, and entries out of form are named', async (t) => {
  const dataDir = await directory(t);
  const vault = unlocked();
  await setSecret(dataDir, vault, 'a', 'value', ignore);
  const file = JSON.parse(await readFile(secretsPath(dataDir), 'utf8'));
  await writeFile(secretsPath(dataDir), JSON.stringify({ ...file, note: 'by hand' }), { mode: 0o600 });
  await setSecret(dataDir, vault, 'b', 'value', ignore);
  assert.equal(JSON.parse(await readFile(secretsPath(dataDir), 'utf8')).note, 'by hand');
  const faults: unknown[] = [
    null,
    7,
    { value: {} },
    { ...file.secrets.a, createdAt: 1 },
    { ...file.secrets.a, value: { ...file.secrets.a.value, key_version: 1 } },
  ];
  for (const entry of faults) {
    assert.throws(
      () => parseSecrets({ ...file, secrets: { a: file.secrets.a, broken: entry } }),
      (error: Error) => {
        assert.match(error.message, /"broken"/);
        return code('SecretsFormat')(error);
      },
    );
  }
  assert.throws(
    () =>
      parseSecrets(
        JSON.parse('{"format":"alknet-secrets","version":1,"keyVersion":2,"secrets":{"__proto__":{}}}'),
      ),
    code('SecretsFormat'),
  );
});
