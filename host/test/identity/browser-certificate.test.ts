import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  browserCertificate,
  identityKey,
  makeBrowserCertificate,
  NodeIdentities,
  PeerTable,
} from '../../src/identity/index.ts';
import { directory, vectorSecret } from './support.ts';

test('the certificate for browsers is a self-signed P-256 one for this machine, and no CA', () => {
  const { cert, key } = makeBrowserCertificate(new Date('2026-05-06T07:08:09Z'));
  const certificate = new X509Certificate(cert);
  assert.equal(certificate.publicKey.asymmetricKeyType, 'ec');
  assert.equal(certificate.verify(certificate.publicKey), true);
  assert.equal(certificate.ca, false);
  assert.equal(certificate.checkHost('localhost'), 'localhost');
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  assert.ok(certificate.checkIP('::1'));
  assert.equal(new Date(certificate.validFrom).toISOString(), '2026-05-05T07:08:09.000Z');
  assert.equal(new Date(certificate.validTo).toISOString(), '2027-06-07T07:08:09.000Z');
  assert.match(key, /BEGIN PRIVATE KEY/);
});

test('it is kept for the owner alone, so that an exception in a browser lasts, until it is about to end', async (t) => {
  const dataDir = await directory(t);
  const path = join(dataDir, 'web.pem');
  const first = await browserCertificate(dataDir);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await browserCertificate(dataDir)).cert, first.cert);

  const year = 365 * 24 * 60 * 60 * 1000;
  const old = makeBrowserCertificate(new Date(Date.now() - year));
  await writeFile(path, old.cert + old.key, { mode: 0o600 });
  const second = await browserCertificate(dataDir);
  assert.notEqual(second.cert, old.cert);
  for (const broken of ['', 'no certificate', first.cert + old.key]) {
    await writeFile(path, broken, { mode: 0o600 });
    const made = await browserCertificate(dataDir);
    assert.equal((await readFile(path, 'utf8')).includes(made.cert), true);
  }
});

test('only who takes no Ed25519 and asks for HTTP alone is shown it', () => {
  const web = makeBrowserCertificate(new Date());
  const identities = new NodeIdentities({
    key: identityKey(vectorSecret),
    peers: new PeerTable(),
    ca: () => undefined,
    browser: web,
  });
  const local = { address: '127.0.0.1', port: 1 };
  const shown = (alpns: string[], lacksEd25519: boolean) =>
    identities.certificateFor({ serverName: null, alpns, ...(lacksEd25519 ? { lacksEd25519 } : {}) }, local);
  for (const alpns of [[], ['h2', 'http/1.1'], ['http/1.1'], ['h3']]) {
    assert.equal(shown(alpns, true), web, alpns.join());
    assert.equal(shown(alpns, false), identities.ownCertificate);
  }
  for (const alpns of [['alknet/call'], ['h2', 'alknet/call'], ['ssh']])
    assert.equal(shown(alpns, true), identities.ownCertificate, alpns.join());
  assert.equal(shown(['acme-tls/1'], true), undefined);
});
