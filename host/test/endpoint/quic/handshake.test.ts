import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshCertificate, identityCertificate, identityKey } from '../../../src/identity/certificate.ts';
import { certificateFingerprint, ed25519Fingerprint } from '../../../src/identity/fingerprint.ts';
import { makeCertificate } from '../certificates.ts';
import { echo, listening, rawClient, roundTrip, serverCertificate, until } from './support.ts';

test('an identity is proven to each other in the handshake', async (t) => {
  const mine = identityKey(Buffer.alloc(32, 7));
  const server = await listening(t);
  let shown: readonly Uint8Array[] = [];
  const dialled = await server.dial({
    certificate: identityCertificate(mine),
    serverName: 'node.example',
    verify: (chain) => {
      shown = chain;
    },
  });
  const accepted = await server.next();
  assert(accepted.peerCertificate);
  assert.equal(certificateFingerprint(accepted.peerCertificate), ed25519Fingerprint(mine.publicKey));
  assert.equal(accepted.alpn, 'test/echo');
  assert.equal(accepted.serverName, 'node.example');
  assert.equal(dialled.alpn, 'test/echo');
  assert.equal(shown.length, 1);
  assert.deepEqual(server.hellos, [{ serverName: 'node.example', alpns: ['test/echo'] }]);
});

test('END-17 no ALPN overlap on QUIC is 0x178 and no connection comes into being', async (t) => {
  const server = await listening(t);
  const client = await rawClient(t, server.address, { alpns: ['other/name', 'h3'] });
  await client.until(() => client.native.peerError() !== null);
  assert.deepEqual(
    { isApp: client.native.peerError()?.isApp, code: client.native.peerError()?.errorCode },
    { isApp: false, code: 0x178 },
  );
  await until(() => server.failures.length === 1);
  assert.deepEqual(server.failures, ['alpn']);
  assert.equal(server.accepted.length, 0);
  await assert.rejects(server.dial({ alpn: 'other/name' }), { name: 'DialError', code: 'NoAlpn' });
});

test('without any ALPN of its own a QUIC listener refuses every client with 0x178', async (t) => {
  const server = await listening(t, { parameters: { alpns: [] } });
  const client = await rawClient(t, server.address, { alpns: ['test/echo'] });
  await client.until(() => client.native.peerError() !== null);
  assert.equal(client.native.peerError()?.errorCode, 0x178);
  assert.equal(server.accepted.length, 0);
});

test('END-20 a QUIC client without a certificate gets 0x174, with a fresh one it is connected', async (t) => {
  const server = await listening(t);
  const client = await rawClient(t, server.address, { certificate: null });
  await client.until(() => client.native.peerError() !== null);
  assert.equal(client.native.peerError()?.errorCode, 0x174);
  await until(() => server.failures.length === 1);
  assert.deepEqual(server.failures, ['certificate']);
  assert.equal(server.accepted.length, 0);

  const dialled = await server.dial({ certificate: freshCertificate() });
  const accepted = await server.next();
  echo(accepted);
  assert.notEqual(accepted.peerCertificate, null);
  assert.equal((await roundTrip(dialled, Buffer.from('hi'))).toString(), 'hi');
});

test('a QUIC client is asked for no certificate when the parameters say none', async (t) => {
  const server = await listening(t, { parameters: { alpns: ['h3'], clientCertificate: 'none' } });
  const client = await rawClient(t, server.address, { alpns: ['h3'], certificate: null });
  await client.until(() => client.native.isEstablished());
  assert.equal((await server.next()).peerCertificate, null);
});

test('END-22 a ClientHello spread over two QUIC datagrams is read whole', async (t) => {
  const server = await listening(t);
  const alpns = Array.from({ length: 40 }, (_, i) => `long/${'x'.repeat(50)}/${i}`);
  const client = await rawClient(t, server.address, { alpns: [...alpns, 'test/echo'] });
  await client.until(() => client.native.isEstablished());
  assert.equal((await server.next()).alpn, 'test/echo');
  assert.equal(server.hellos.length, 1);
  assert.deepEqual(server.hellos[0]?.alpns, [...alpns, 'test/echo']);
});

for (const key of ['p256', 'rsa2048'] as const) {
  test(`a client with a ${key} key is accepted`, async (t) => {
    const server = await listening(t);
    await server.dial({ certificate: makeCertificate({ key }) });
    assert.notEqual((await server.next()).peerCertificate, null);
  });
}

test('a dial whose verify throws fails with that error, and the other side sees 0x12a', async (t) => {
  const server = await listening(t);
  const refusal = new Error('not the one');
  const dial = server.dial({
    verify: () => {
      throw refusal;
    },
  });
  await assert.rejects(dial, refusal);
  const { code, by } = await (await server.next()).closed;
  assert.deepEqual({ code, by }, { code: 0x12a, by: 'transport' });
  await until(() => server.slots() === 0, 2000);
});

test('a server certificate that cannot be loaded gives the slot back', async (t) => {
  const other = freshCertificate();
  const server = await listening(t, {
    handshakeTimeout: 300,
    parameters: { certificate: { cert: serverCertificate.cert, key: other.key } },
  });
  await assert.rejects(server.dial({ timeoutMs: 700 }), { name: 'DialError' });
  await until(() => server.slots() === 0, 2000);
  assert.equal(server.accepted.length, 0);
});

test('a client certificate beside the key of another yields no QUIC connection', async (t) => {
  const server = await listening(t);
  const certificate = { cert: serverCertificate.cert, key: freshCertificate().key };
  // In TLS 1.3 the client's handshake ends before the server has judged it.
  const dialled = await server.dial({ certificate }).catch(() => undefined);
  if (dialled !== undefined) assert.equal((await dialled.closed).by, 'transport');
  await until(() => server.slots() === 0, 2000);
  assert.deepEqual(server.failures, ['certificate']);
  assert.equal(server.accepted.length, 0);
});
