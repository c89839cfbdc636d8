import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DialError, type DialErrorCode } from '../../src/endpoint/dial-error.ts';
import type { Certificate } from '../../src/endpoint/engine.ts';
import { identityKey, type NodeIdentities } from '../../src/identity/index.ts';
import { makeCertificate } from '../endpoint/certificates.ts';
import { ask } from '../endpoint/support.ts';
import { identityNode, meet, otherFingerprint, otherSecret, vectorFingerprint } from './support.ts';

const both = ['quic', 'tls'] as const;
const refused = (code: DialErrorCode) => (error: unknown) => {
  assert.ok(error instanceof DialError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

/** A server that shows this certificate instead of its own. */
const showing = (certificate: Certificate) => (own: NodeIdentities) =>
  new Proxy(own, {
    get(target, name) {
      if (name === 'certificateFor') return () => certificate;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

test('IDN-04 two nodes complete a mutual handshake with identity certificates over QUIC and over TLS', async (t) => {
  const server = await identityNode(t, {
    peers: [{ id: 'client', fingerprints: [otherFingerprint], scopes: ['a'] }],
  });
  const client = await identityNode(t, {
    key: identityKey(otherSecret),
    peers: [{ id: 'server', fingerprints: [vectorFingerprint] }],
  });
  for (const transport of both) {
    const { dialled, accepted } = await meet(client, server, transport);
    assert.equal(accepted.auth.identity?.id, 'client', transport);
    assert.deepEqual(accepted.auth.identity?.scopes, ['a'], transport);
    assert.equal(dialled.auth.identity?.id, 'server', transport);
    assert.equal(await ask(dialled, 'hello'), 'test:hello', transport);
  }
});

test('IDN-05 the fingerprint of one key is one text on QUIC and on TCP, as server and as client', async (t) => {
  const a = await identityNode(t);
  const b = await identityNode(t, { key: identityKey(otherSecret) });
  for (const transport of both) {
    const there = await meet(b, a, transport);
    assert.equal(there.dialled.auth.fingerprint, vectorFingerprint, transport);
    assert.equal(there.accepted.auth.fingerprint, otherFingerprint, transport);
    const back = await meet(a, b, transport);
    assert.equal(back.accepted.auth.fingerprint, vectorFingerprint, transport);
    assert.equal(back.dialled.auth.fingerprint, otherFingerprint, transport);
  }
});

test('IDN-07 a client without a certificate has no fingerprint and no identity', async (t) => {
  const server = await identityNode(t);
  const client = await identityNode(t, { key: null });
  const { accepted } = await meet(client, server, 'tls');
  assert.equal(accepted.auth.fingerprint, null);
  assert.equal(accepted.auth.identity, null);
});

test('IDN-56 without a pin a valid chain is accepted and gives no identity', async (t) => {
  const authority = makeCertificate({ key: 'p256', subject: 'test authority', authority: true });
  for (const key of ['p256', 'ed25519'] as const) {
    const shown = makeCertificate({ key, issuer: authority, names: ['localhost'] });
    const server = await identityNode(t, { showing: showing(shown) });
    // An entry that holds the fingerprint does not make a public endpoint a peer.
    const client = await identityNode(t, {
      key: identityKey(otherSecret),
      ca: authority.cert,
      peers: [{ id: 'public', fingerprints: [shown.fingerprint] }],
    });
    for (const transport of both) {
      const { dialled, accepted } = await meet(client, server, transport, { pins: [], host: 'localhost' });
      assert.equal(dialled.auth.identity, null, transport);
      assert.notEqual(accepted.auth.fingerprint, otherFingerprint, transport);
    }
  }
});

test('IDN-56 without a pin a wrong name, an expired and an unknown chain are refused', async (t) => {
  const authority = makeCertificate({ key: 'p256', subject: 'test authority', authority: true });
  const stranger = makeCertificate({ key: 'p256', subject: 'stranger', authority: true });
  const client = await identityNode(t, { ca: authority.cert });
  const names = ['localhost'];
  const wrong = {
    'wrong name': makeCertificate({ key: 'p256', issuer: authority, names: ['other.test'] }),
    expired: makeCertificate({ key: 'p256', issuer: authority, names, notAfter: new Date('2021-01-01') }),
    'not yet': makeCertificate({ key: 'p256', issuer: authority, names, notBefore: new Date('2999-01-01') }),
    'unknown chain': makeCertificate({ key: 'p256', issuer: stranger, names }),
    'self-signed': makeCertificate({ key: 'p256', names }),
  };
  for (const [name, shown] of Object.entries(wrong)) {
    const server = await identityNode(t, { showing: showing(shown) });
    for (const transport of both) {
      await assert.rejects(
        meet(client, server, transport, { pins: [], host: 'localhost' }),
        refused('UntrustedChain'),
        name,
      );
    }
    // In TLS 1.3 a server may think for a moment that all is well: what it accepted has to end.
    for (const { closed } of server.owner.connections) await closed;
  }
});

test('IDN-57 a pinned peer that shows a valid chain with another key is refused', async (t) => {
  const authority = makeCertificate({ key: 'p256', subject: 'test authority', authority: true });
  const shown = makeCertificate({ key: 'p256', issuer: authority, names: ['localhost'] });
  const server = await identityNode(t, { showing: showing(shown) });
  const client = await identityNode(t, { ca: authority.cert });
  for (const transport of both) {
    const pins = [vectorFingerprint];
    await assert.rejects(
      meet(client, server, transport, { pins, host: 'localhost' }),
      refused('PeerMismatch'),
    );
  }
});
