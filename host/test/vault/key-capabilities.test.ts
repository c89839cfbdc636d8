import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { ed25519Spki } from '../../src/identity/certificate.ts';
import { NodeSecrets } from '../../src/node/secrets.ts';
import { devicePath, ETHEREUM, IDENTITY, SSH_HOST, type Vault } from '../../src/vault/index.ts';
import { recordingLog } from '../endpoint/support.ts';
import { code, unlocked } from './support.ts';

function secretsOf(vault: Vault): NodeSecrets {
  return new NodeSecrets('/nonexistent', vault, recordingLog([]));
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

test('VLT-64 identity.sign signs bytes of its plugin and purpose, and refuses all others', () => {
  const vault = unlocked();
  const sign = secretsOf(vault).capabilities('acme-backup', ['identity.sign']).key('identity.sign');
  assert.ok(sign);
  const { publicKey } = vault.deriveEd25519(IDENTITY);
  const key = createPublicKey({ key: ed25519Spki(publicKey), format: 'der', type: 'spki' });
  for (const text of ['acme-backup/receipt/1\0body', 'acme-backup/a\0', 'acme-backup/a\0\xff\n\0']) {
    assert.ok(verify(null, bytes(text), key, sign(bytes(text))), text);
  }
  const refused = [
    '',
    'acme-backup',
    'acme-backup/\0body',
    'acme-backup/receipt',
    'acme-backup/Receipt\0body',
    'acme-backup/a b\0body',
    'acme-backup/a\nb\0body',
    'acme-backupx/a\0body',
    'other/receipt\0body',
    ' acme-backup/receipt\0body',
    '\0acme-backup/receipt\0body',
    // What a TLS 1.3 CertificateVerify signs (RFC 8446 4.4.3).
    `${' '.repeat(64)}TLS 1.3, server CertificateVerify\0hash`,
  ];
  for (const text of refused) assert.throws(() => sign(bytes(text)), /acme-backup\//, JSON.stringify(text));
});

test('VLT-64 device.key gives the pair of device n and refuses 0', () => {
  const vault = unlocked();
  const device = secretsOf(vault).capabilities('plugin', ['device.key']).key('device.key');
  assert.ok(device);
  assert.deepEqual(device(1).privateKey, vault.deriveEd25519(devicePath(1)).privateKey);
  assert.deepEqual(device(7).publicKey, vault.deriveEd25519(devicePath(7)).publicKey);
  for (const n of [0, -0, -1, 1.5, Number.NaN, 2 ** 31])
    assert.throws(() => device(n), code('InvalidPath'), `${n}`);
});

test('VLT-64 key capabilities are there by their names alone, and hand out copies', () => {
  const vault = unlocked();
  const capabilities = secretsOf(vault).capabilities('plugin', ['ssh.hostKey', 'ethereum.key']);
  assert.deepEqual(capabilities.names(), ['ethereum.key', 'ssh.hostKey']);
  assert.equal(capabilities.key('identity.sign'), undefined);
  assert.equal(capabilities.key('device.key'), undefined);
  const pair = capabilities.key('ssh.hostKey')?.();
  assert.deepEqual(pair?.privateKey, vault.deriveEd25519(SSH_HOST).privateKey);
  pair?.privateKey.fill(0);
  assert.deepEqual(capabilities.key('ssh.hostKey')?.().privateKey, vault.deriveEd25519(SSH_HOST).privateKey);
  assert.deepEqual(
    capabilities.key('ethereum.key')?.().publicKey,
    vault.deriveEthereumKey(ETHEREUM).publicKey,
  );
  assert.throws(() => secretsOf(vault).capabilities('plugin', ['msg.keys']), code('SecretMissing'));
});
