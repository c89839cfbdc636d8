import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  ed25519Fingerprint,
  formatOpenSshKey,
  OperatorKeyError,
  operatorKeyPath,
  parseOpenSshKey,
  readOperatorKey,
  sshKeyLine,
  writeOperatorKey,
} from '../../src/identity/index.ts';
import { directory } from './support.ts';

/** OPERATOR of the phrase of `docs/spec/vault.md` 14. */
const secret = Buffer.from('8593e748dcbffc3716468460bd3973e9756b6b69831212c201a020a9e8244eee', 'hex');
const fingerprint = 'ed25519:52e34b40ff9cf7a2bcaafb22792f387c1693a96adddf589e9798bea3dbc06581';

/** Made by `ssh-keygen -t ed25519 -N ''` of OpenSSH for this test, and used nowhere else. */
const byOpenSsh = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACAPDgqo4y8mQLX5ZQ48cpmTGtFWMjMb/5tF91kxZFySMQAAAJB6ybvbesm7
2wAAAAtzc2gtZWQyNTUxOQAAACAPDgqo4y8mQLX5ZQ48cpmTGtFWMjMb/5tF91kxZFySMQ
AAAEAgLZd8MnpMNH/75hlWWB5Ao70jtiZMXKoPlt68kSvw/w8OCqjjLyZAtfllDjxymZMa
0VYyMxv/m0X3WTFkXJIxAAAAC2Fsa25ldCB0ZXN0AQI=
-----END OPENSSH PRIVATE KEY-----
`;
const itsLine = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA8OCqjjLyZAtfllDjxymZMa0VYyMxv/m0X3WTFkXJIx';

test('operator.key is written with mode 0600 and read back as the same key', async (t) => {
  const dataDir = await directory(t);
  await writeOperatorKey(dataDir, secret);
  const path = operatorKeyPath(dataDir);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.match(await readFile(path, 'utf8'), /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  const key = await readOperatorKey(path, assert.fail);
  assert.ok(key);
  assert.equal(ed25519Fingerprint(key.publicKey), fingerprint);
  const { d = '' } = key.privateKey.export({ format: 'jwk' });
  assert.deepEqual(Buffer.from(d, 'base64url'), secret);
  await chmod(path, 0o644);
  const warnings: string[] = [];
  await readOperatorKey(path, (message) => warnings.push(message));
  assert.equal(warnings.length, 1);
  assert.equal(await readOperatorKey(`${path}.none`, assert.fail), undefined);
});

test('a key made by OpenSSH is read', () => {
  assert.equal(sshKeyLine(parseOpenSshKey(byOpenSsh).publicKey), itsLine);
  assert.equal(sshKeyLine(parseOpenSshKey(byOpenSsh.replaceAll('\n', '\r\n')).publicKey), itsLine);
});

test('comments of any length are padded as OpenSSH wants it', () => {
  for (let length = 0; length < 20; length++) {
    const pem = formatOpenSshKey(secret, 'x'.repeat(length));
    assert.equal(ed25519Fingerprint(parseOpenSshKey(pem).publicKey), fingerprint);
  }
});

test('what is no readable key is refused, named, and not repeated', async (t) => {
  const body = formatOpenSshKey(secret, '').split('\n').slice(1, -2).join('');
  const bytes = Buffer.from(body, 'base64');
  const pem = (content: Uint8Array) =>
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from(content).toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
  for (let length = 0; length < bytes.length - 20; length += 7) {
    assert.throws(() => parseOpenSshKey(pem(bytes.subarray(0, length))), OperatorKeyError, `${length}`);
  }
  const encrypted = Buffer.from(bytes.toString('latin1').replace('\x04none', '\x04aes1'), 'latin1');
  assert.throws(() => parseOpenSshKey(pem(encrypted)), /passphrase/);
  const otherType = Buffer.from(bytes.toString('latin1').replaceAll('ssh-ed25519', 'ssh-ed44888'), 'latin1');
  assert.throws(() => parseOpenSshKey(pem(otherType)), /ssh-ed25519/);
  const swapped = Buffer.from(bytes);
  const at = swapped.indexOf(secret);
  swapped[at] = (swapped[at] ?? 0) ^ 1;
  assert.throws(() => parseOpenSshKey(pem(swapped)), /does not belong/);
  const dataDir = await directory(t);
  await writeFile(operatorKeyPath(dataDir), 'no key', { mode: 0o600 });
  await assert.rejects(readOperatorKey(operatorKeyPath(dataDir), assert.fail), (error: Error) => {
    assert.ok(error instanceof OperatorKeyError);
    assert.ok(error.message.includes('operator.key'));
    return true;
  });
});
