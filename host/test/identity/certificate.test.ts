import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { ed25519Spki } from '../../src/identity/certificate.ts';
import {
  certificateFingerprint,
  ed25519Fingerprint,
  freshCertificate,
  identityCertificate,
  identityCertificateDer,
  identityKey,
} from '../../src/identity/index.ts';
import { createVaultFile, IDENTITY, unlockVault, Vault } from '../../src/vault/index.ts';
import { makeCertificate } from '../endpoint/certificates.ts';
import { directory, vectorFingerprint, vectorSecret } from './support.ts';

const vectorDer = Buffer.from(
  `MIIBlTCCAUegAwIBAgIQWuZWX2X/cKcwqvnY3lX7FjAFBgMrZXAwSzFJMEcGA1UEAwxAZTc4YzI3NjZhNzkyZjA5YmZjY2I1MTQ5
Mzk2OGFjMzIyMjgzZThkMDIxYTMwMDYzNzg0ZDgwNjkyOTc2MmVjYzAgFw0yMDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVow
SzFJMEcGA1UEAwxAZTc4YzI3NjZhNzkyZjA5YmZjY2I1MTQ5Mzk2OGFjMzIyMjgzZThkMDIxYTMwMDYzNzg0ZDgwNjkyOTc2MmVj
YzAqMAUGAytlcAMhAOeMJ2ankvCb/MtRSTlorDIig+jQIaMAY3hNgGkpdi7Moz8wPTAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQE
AwIHgDAdBgNVHSUEFjAUBggrBgEFBQcDAQYIKwYBBQUHAwIwBQYDK2VwA0EAgO6U6BKrwcB8nYH6HQsF6wpWznGXERelNPvPcbuU
LRehOBqWrRywZ5uiGLx1dpoZo7BydGntTKDK0CCYqfwhBA==`,
  'base64',
);

test('IDN-01 the certificate of the vector key equals the vector byte for byte, each time it is made', () => {
  for (let start = 0; start < 3; start++) {
    const der = identityCertificateDer(identityKey(vectorSecret));
    assert.deepEqual(der, vectorDer);
    assert.equal(der.length, 409);
  }
  assert.equal(
    createHash('sha256').update(vectorDer).digest('hex'),
    '7761227fb3f021259d2660280c4dbfd1a1d795e6e0975e98623fcf7441c11299',
  );
  const spki = ed25519Spki(identityKey(vectorSecret).publicKey);
  assert.equal(spki.length, 44);
  assert.equal(spki.subarray(0, 12).toString('hex'), '302a300506032b6570032100');
});

test('IDN-02 OpenSSL parses certificate and key, as Node carries it, and the signature verifies with its own key', () => {
  const { cert, key } = identityCertificate(identityKey(vectorSecret));
  const parsed = new X509Certificate(cert);
  assert.deepEqual(parsed.raw, vectorDer);
  assert.equal(parsed.verify(parsed.publicKey), true);
  assert.equal(parsed.ca, false);
  assert.equal(parsed.serialNumber, '5AE6565F65FF70A730AAF9D8DE55FB16');
  assert.equal(parsed.subject, `CN=${vectorFingerprint.slice(8)}`);
  assert.equal(parsed.issuer, parsed.subject);
  assert.equal(Date.parse(parsed.validFrom), Date.UTC(2020, 0, 1));
  assert.equal(Date.parse(parsed.validTo), Date.UTC(9999, 11, 31, 23, 59, 59));
  assert.deepEqual(parsed.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  // Refuses a key that does not belong to the certificate.
  createSecureContext({ cert, key });
});

test('IDN-02 the same holds for any key', () => {
  for (let i = 0; i < 100; i++) {
    const parsed = new X509Certificate(freshCertificate().cert);
    assert.equal(parsed.verify(parsed.publicKey), true);
    assert.match(parsed.serialNumber, /^[4-7][0-9A-F]{31}$/);
  }
});

test('IDN-03 the phrase restored in another directory gives the same fingerprint and certificate', async (t) => {
  const original = new Vault();
  const words = original.unlockNew().reveal();
  const first = await directory(t);
  await createVaultFile(first, original, { kind: 'keyfile' });
  const restored = new Vault();
  restored.unlock(words);
  const second = await directory(t);
  await createVaultFile(second, restored, { kind: 'keyfile' });
  const [a, b] = await Promise.all(
    [first, second].map(async (dataDir) => {
      const vault = await unlockVault({ dataDir, warn: assert.fail });
      const key = identityKey(vault.deriveEd25519(IDENTITY).privateKey);
      return { fingerprint: ed25519Fingerprint(key.publicKey), ...identityCertificate(key) };
    }),
  );
  assert.deepEqual(a, b);
});

test('IDN-06 an Ed25519 key names itself, self-signed or issued; ECDSA and RSA are named by their certificate', () => {
  const authority = makeCertificate({ key: 'p256', authority: true });
  for (const options of [
    {},
    { issuer: authority },
    { issuer: makeCertificate({ authority: true }), names: ['a.test'] },
  ]) {
    const { der, privateKey } = makeCertificate({ key: 'ed25519', ...options });
    const { x = '' } = privateKey.export({ format: 'jwk' });
    assert.equal(certificateFingerprint(der), `ed25519:${Buffer.from(x, 'base64url').toString('hex')}`);
  }
  for (const key of ['p256', 'rsa2048'] as const) {
    for (const options of [{}, { issuer: authority }]) {
      const { der } = makeCertificate({ key, ...options });
      assert.equal(certificateFingerprint(der), `SHA256:${createHash('sha256').update(der).digest('hex')}`);
    }
  }
});

test('IDN-06 bytes that are cut off or altered never name an Ed25519 key that Node does not see in them', () => {
  for (let length = 0; length < vectorDer.length; length++) {
    const text = certificateFingerprint(vectorDer.subarray(0, length));
    if (!text.startsWith('SHA256:')) assert.equal(text, vectorFingerprint);
  }
  for (let at = 0; at < vectorDer.length; at++) {
    const bytes = Buffer.from(vectorDer);
    bytes[at] = (bytes[at] ?? 0) ^ 0x15;
    let seen: string;
    try {
      const { x = '' } = new X509Certificate(bytes).publicKey.export({ format: 'jwk' });
      seen = `ed25519:${Buffer.from(x, 'base64url').toString('hex')}`;
    } catch {
      continue;
    }
    assert.equal(certificateFingerprint(bytes), seen, `byte ${at}`);
  }
});
