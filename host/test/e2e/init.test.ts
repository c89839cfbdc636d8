import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { command, made, place } from './support.ts';

const phrase = `${'abandon '.repeat(11)}about`;
const operator = '52e34b40ff9cf7a2bcaafb22792f387c1693a96adddf589e9798bea3dbc06581';
const identity = 'e78c2766a792f09bfccb51493968ac322283e8d021a30063784d806929762ecc';

test('VLT-40 init makes a data directory of mode 0700 and files of mode 0600, also under umask 0', async (t) => {
  const here = await place(t);
  const script = `umask 0; exec "${process.execPath}" "${command}" init --no-passphrase`;
  const { status } = spawnSync('sh', ['-c', script], {
    cwd: here.folder,
    env: { PATH: process.env['PATH'], HOME: here.folder },
  });
  assert.equal(status, 0);
  assert.equal((await stat(here.data)).mode & 0o777, 0o700);
  for (const name of await readdir(here.data))
    assert.equal((await stat(join(here.data, name))).mode & 0o777, 0o600, name);
});

test('VLT-41 CLI-03 a second init exits 8 and leaves every file byte for byte', async (t) => {
  const here = await made(t);
  const before = await Promise.all(
    ['data/vault.json', 'data/peers.json', 'alknet.config.json'].map(here.read),
  );
  for (const extra of [
    ['--no-passphrase'],
    ['--no-passphrase', '--restore'],
    ['--no-passphrase', '--words', '12'],
  ]) {
    const { code, stderr } = await here.run(['init', ...extra], phrase);
    assert.equal(code, 8);
    assert.match(stderr, /exists already/);
  }
  assert.deepEqual(
    await Promise.all(['data/vault.json', 'data/peers.json', 'alknet.config.json'].map(here.read)),
    before,
  );
});

test('CLI-04 init without a terminal and without a choice of protection exits 2 and makes nothing', async (t) => {
  const here = await place(t);
  const { code, stderr } = await here.run(['init']);
  assert.equal(code, 2);
  assert.match(stderr, /--passphrase-file/);
  assert.deepEqual(await readdir(here.folder), []);
  const { stdout } = await here.run(['init', '--no-passphrase']);
  assert.ok(!/(?:[a-z]+ ){11}/.test(stdout), 'no phrase without --print-mnemonic');
});

test('CLI-05 VLT-52 restoring a phrase gives the node key and operator key of the vectors, and readable secrets', async (t) => {
  const here = await place(t);
  await here.write('phrase', `${phrase}\n`);
  const first = JSON.parse(
    await here.ok(['init', '--mnemonic-file', 'phrase', '--no-passphrase', '--json']),
  ) as Record<string, string>;
  assert.equal(first['id'], `ed25519:${identity}`);
  assert.equal(first['operator'], `ed25519:${operator}`);
  await here.ok(['secret', 'set', 'api'], 'the value\n');
  const shown = await here.ok(['vault', 'show', '--json']);

  const other = await place(t);
  await other.write('phrase', await here.ok(['vault', 'export', '--yes']));
  await other.ok(['vault', 'restore', '--mnemonic-file', 'phrase', '--none', '--data', 'data']);
  await writeFile(join(other.data, 'secrets.json'), await here.read('data/secrets.json'), { mode: 0o600 });
  assert.deepEqual(
    JSON.parse(await other.ok(['vault', 'show', '--json', '--data', 'data'])),
    JSON.parse(shown),
  );
  // Re-encrypting reads every value.
  await other.ok(['secret', 'rotate', '--data', 'data']);
});

test('VLT-50 init --no-passphrase keeps vault.key with mode 0600, and status says so', async (t) => {
  const here = await made(t);
  assert.equal((await stat(join(here.data, 'vault.key'))).mode & 0o777, 0o600);
  const { code, stdout } = await here.run(['status']);
  assert.equal(code, 4);
  assert.match(stdout, /unlock key on disk/);
});

test('VLT-51 vault rotate turns a key-file vault into a passphrase vault; the identity stays', async (t) => {
  const here = await made(t);
  const before = JSON.parse(await here.read('data/vault.json')) as { identity: string };
  await writeFile(join(here.folder, 'pass'), 'a long enough passphrase\n', { mode: 0o600 });
  await here.ok(['vault', 'rotate', '--passphrase-file', 'pass']);
  const after = JSON.parse(await here.read('data/vault.json')) as { identity: string; protection: string };
  assert.equal(after.protection, 'passphrase');
  assert.equal(after.identity, before.identity);
  assert.ok(!(await readdir(here.data)).includes('vault.key'));
});

test('VLT-54 VLT-55 a secret comes from standard input or a file, has no argument, and is never printed or stored plain', async (t) => {
  const here = await made(t);
  const value = 'sk-test-0123456789';
  await here.ok(['secret', 'set', 'one'], `${value}\n`);
  await here.write('value', value);
  await here.ok(['secret', 'set', 'two', '--file', 'value']);
  assert.equal((await here.run(['secret', 'set', 'three', value])).code, 2);
  const outputs = [
    await here.ok(['secret', 'list']),
    await here.ok(['secret', 'list', '--json']),
    await here.read('data/secrets.json'),
  ];
  for (const text of outputs) {
    assert.ok(!text.includes(value));
    assert.ok(!text.includes(Buffer.from(value).toString('base64').slice(0, 20)));
  }
});
