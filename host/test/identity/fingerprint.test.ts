import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKey } from '../../src/endpoint/target.ts';
import { ed25519Spki } from '../../src/identity/certificate.ts';
import {
  certificateFingerprint,
  ed25519Fingerprint,
  FingerprintError,
  fingerprintToZBase32,
  identityCertificate,
  identityCertificateDer,
  identityKey,
  normaliseFingerprint,
  sshKeyFingerprint,
  sshKeyLine,
} from '../../src/identity/index.ts';
import { toPem } from '../../src/identity/pem.ts';
import { makeCertificate } from '../endpoint/certificates.ts';
import { peerTable, vectorFingerprint, vectorSecret, vectorSshLine } from './support.ts';

const digits = vectorFingerprint.slice('ed25519:'.length);
const ecdsaLine =
  'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEAWE4if6f1rtM8VfNxKBmqxkW2/CPwAg/yopKmROkslCSbEUxn0ls0zOF1ap7zT194t00C9dph3ndfP9ztbku0=';

test('IDN-08 the OpenSSH line of the identity key is the identity fingerprint, and one entry holds for TLS and SSH', (t) => {
  const key = identityKey(vectorSecret);
  assert.equal(sshKeyLine(key.publicKey), vectorSshLine);
  for (const line of [vectorSshLine, `${vectorSshLine} alice@laptop`, `  ${vectorSshLine}\t a comment \n`]) {
    assert.equal(normaliseFingerprint(line), vectorFingerprint);
  }
  const table = peerTable(t, [
    { id: 'alice', fingerprints: [`${vectorSshLine} alice@laptop`], scopes: ['a'] },
  ]);
  const overTls = table.resolveFingerprint(certificateFingerprint(identityCertificateDer(key)));
  const blob = Buffer.from(vectorSshLine.split(' ')[1] ?? '', 'base64');
  const overSsh = table.resolveFingerprint(sshKeyFingerprint(blob));
  assert.equal(overTls?.id, 'alice');
  assert.equal(overSsh, overTls);
});

test('IDN-09 fingerprints in upper case and with colons have one normal form', () => {
  const pairs = digits.match(/../g)?.join(':') ?? '';
  const accepted: [input: string, normal: string][] = [
    [vectorFingerprint.toUpperCase(), vectorFingerprint],
    [`ed25519:${pairs}`, vectorFingerprint],
    [digits, vectorFingerprint],
    [fingerprintToZBase32(vectorFingerprint), vectorFingerprint],
    [`SHA256:${digits}`, `SHA256:${digits}`],
    [`sha256:${pairs.toUpperCase()}`, `SHA256:${digits}`],
    [` SHA256:${pairs}\n`, `SHA256:${digits}`],
    [`SSH-SHA256:${digits.toUpperCase()}`, `ssh-sha256:${digits}`],
  ];
  for (const [input, normal] of accepted) assert.equal(normaliseFingerprint(input), normal, input);
});

test('IDN-09 the OpenSSH base64 form is refused with advice', () => {
  for (const text of [
    'SHA256:SI8H5nURDDeSA+mnF/eIP4cfbijOEaGgCDExO2uFfSk',
    'sha256:SI8H5nURDDeSA+mnF/eIP4cfbijOEaGgCDExO2uFfSk=',
  ]) {
    assert.throws(
      () => normaliseFingerprint(text),
      (error: Error) => {
        assert.ok(error instanceof FingerprintError);
        assert.match(error.message, /public key line/);
        return true;
      },
    );
  }
});

test('IDN-09 PEM of a certificate or of an Ed25519 public key, and other SSH keys, have their forms', () => {
  const key = identityKey(vectorSecret);
  assert.equal(normaliseFingerprint(identityCertificate(key).cert), vectorFingerprint);
  assert.equal(normaliseFingerprint(toPem('PUBLIC KEY', ed25519Spki(key.publicKey))), vectorFingerprint);
  const ecdsa = makeCertificate({ key: 'p256' });
  assert.equal(normaliseFingerprint(ecdsa.cert), ecdsa.fingerprint);
  assert.match(normaliseFingerprint(ecdsaLine), /^ssh-sha256:[0-9a-f]{64}$/);
});

test('what is no fingerprint is refused with what was expected, and a secret is not repeated', () => {
  const { key, privateKey } = makeCertificate({ key: 'p256' });
  const [type = '', base64 = ''] = vectorSshLine.split(' ');
  const refused = [
    '',
    'alice',
    'ed25519:',
    `ed25519:${digits}0`,
    `ed25519:${digits.slice(1)}`,
    `md5:${digits}`,
    `${type} ${base64.slice(0, 40)}`,
    `${type} ${base64}AAAA`,
    `ssh-rsa ${base64}`,
    `${type} ${ecdsaLine.split(' ')[1]}`,
    key,
    toPem('PUBLIC KEY', Buffer.from('none')),
    toPem('CERTIFICATE', Buffer.from('none')),
    '-----BEGIN',
    toPem('PUBLIC KEY', ed25519Spki(new Uint8Array(31))),
  ];
  for (const text of refused) assert.throws(() => normaliseFingerprint(text), FingerprintError, text);
  const secret = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  assert.throws(
    () => normaliseFingerprint(secret),
    (error: Error) => {
      assert.equal(error.message.includes(secret.split('\n')[1] ?? ''), false);
      return /PRIVATE KEY/.test(error.message);
    },
  );
  const token = `alk_${'a'.repeat(43)}`;
  assert.throws(
    () => normaliseFingerprint(token),
    (error: Error) => !error.message.includes(token.slice(0, 20)),
  );
});

test('z-base-32 is the short form of a key, and reads back', () => {
  const z32 = fingerprintToZBase32(vectorFingerprint);
  assert.equal(z32.length, 52);
  assert.equal(parseKey(z32), vectorFingerprint);
  assert.equal(fingerprintToZBase32(ed25519Fingerprint(new Uint8Array(32))), 'y'.repeat(52));
});
