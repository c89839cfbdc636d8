import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { CloseCode, firstStream } from '@alknet/sdk';
import { makeCertificate } from './certificates.ts';
import { ask, both, client, echo, readText, socketTest, testNode, until } from './support.ts';

test('END-06 stop refuses what is new at once, lets running work finish, then closes with SHUTDOWN', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  const from = await client(t);
  const [working, idle] = [
    await node.dial({ from, alpn: 'alknet/one', transport: 'quic' }),
    await node.dial({ from, alpn: 'alknet/one', transport: 'tls' }),
  ];
  const stream = await working.openStream();
  stream.write('begun ');
  await once(stream, 'data');
  await until(() => owner.connections.length === 2);
  const started = performance.now();
  const drained = node.endpoint.drained(400);
  for (const transport of both) {
    await assert.rejects(
      node.dial({ from, alpn: 'alknet/one', transport, timeoutMs: 300 }),
      (error: { code: string }) => ['Refused', 'Connect', 'HandshakeTimeout'].includes(error.code),
    );
  }
  stream.end('and finished');
  assert.match(await readText(stream), /and finished$/);
  assert.equal(owner.connections[0]?.signal.aborted, false, 'work goes on until the drain time is over');
  assert.deepEqual(await working.closed, { code: CloseCode.SHUTDOWN, reason: 'shutdown', by: 'peer' });
  assert.ok(performance.now() - started >= 390);
  (await firstStream(idle)).resume().end();
  await drained;
  assert.ok(owner.connections.every(({ signal }) => signal.aborted));
  await node.endpoint.close();
  assert.deepEqual(node.endpoint.connections(), []);
});

test('END-06 stop is over as soon as no connection is left', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const connection = await node.dial({ alpn: 'alknet/one', transport: 'quic' });
  const started = performance.now();
  const drained = node.endpoint.drained(5000);
  connection.close();
  await drained;
  assert.ok(performance.now() - started < 1000);
});

test('END-07 stop without a connection takes less than 200 ms', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const started = performance.now();
  await node.endpoint.drained(2000);
  await node.endpoint.close();
  assert.ok(performance.now() - started < 200);
});

test('a connection that is closed with its endpoint right after the handshake is over at the other side at once', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  for (const transport of both) {
    const from = await client(t);
    const accepted = owner.next();
    const connection = await node.dial({ from, alpn: 'alknet/one', transport });
    connection.close(7, 'changed my mind');
    const ended = from.endpoint.close();
    const begun = performance.now();
    const { by, code } = await (await accepted).closed;
    assert.ok(performance.now() - begun < 2000, transport);
    // TLS has no place for a code.
    if (transport === 'quic') assert.deepEqual({ by, code }, { by: 'peer', code: 7 });
    await ended;
  }
});

socketTest('a port in use names listener, address, key and cause, and nothing is left bound', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port: freed } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  const node = await client(t);
  await assert.rejects(
    node.endpoint.listen([
      { transport: 'tls', host: '127.0.0.1', port: freed, key: 'listen.tls.addresses[0]' },
      { transport: 'tls', host: '127.0.0.1', port, key: 'listen.tls.addresses[1]' },
    ]),
    {
      name: 'ListenError',
      message: new RegExp(`tls 127.0.0.1:${port} \\(listen.tls.addresses\\[1\\]\\).*EADDRINUSE`),
    },
  );
  const again = createServer().listen(freed, '127.0.0.1');
  await once(again, 'listening');
  again.close();
});

test('an operator closes one connection by id, and a wrong id closes none', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const connection = await node.dial({ alpn: 'alknet/one', transport: 'quic' });
  await until(() => node.endpoint.connections().length === 1);
  const [row] = node.endpoint.connections();
  assert.equal(row?.plugin, 'one');
  assert.equal(node.endpoint.closeConnection('c999'), false);
  assert.equal(node.endpoint.closeConnection(row?.id ?? '', 'go away'), true);
  assert.deepEqual(await connection.closed, { code: CloseCode.OPERATOR, reason: 'go away', by: 'peer' });
});

test('IDN-28 a client with an unknown certificate is accepted, anonymous, with its fingerprint known', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  for (const transport of both) {
    const from = await client(t);
    const accepted = owner.next();
    await node.dial({ from, alpn: 'alknet/one', transport });
    const { auth } = await accepted;
    assert.equal(auth.fingerprint, from.identities.fingerprint);
    assert.equal(auth.identity, null);
    assert.equal(auth.remote?.address, '127.0.0.1');
    assert.ok(Object.isFrozen(auth));
  }
});

test('IDN-30 an expired client certificate with a pinned key resolves to its peer', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  const expired = { notBefore: new Date('2001-01-01'), notAfter: new Date('2002-01-01') };
  for (const transport of both) {
    for (const key of ['ed25519', 'p256'] as const) {
      const own = makeCertificate({ key, ...expired });
      const identity = node.identities.add(`${transport}-${key}`, own.fingerprint);
      const accepted = owner.next();
      await node.dial({ from: await client(t, { own }), alpn: 'alknet/one', transport });
      assert.equal((await accepted).auth.identity, identity);
    }
  }
});

test('IDN-34 a connection of a peer that was removed is anonymous the next time', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  const from = await client(t);
  for (const transport of both) {
    node.identities.add('alice', from.identities.fingerprint);
    const known = owner.next();
    await node.dial({ from, alpn: 'alknet/one', transport });
    assert.equal((await known).auth.identity?.id, 'alice');
    node.identities.remove(from.identities.fingerprint);
    const unknown = owner.next();
    await node.dial({ from, alpn: 'alknet/one', transport });
    assert.equal((await unknown).auth.identity, null);
  }
});

test('END-12 IDN-27 on TLS a client without a certificate is anonymous on every ALPN', async (t) => {
  const owners = [echo('call', 'alknet/call'), echo('http', 'h2'), echo('dns', 'dot')];
  const node = await testNode(t, { owners });
  const from = await client(t);
  Object.assign(from.identities, { ownCertificate: null });
  for (const owner of owners) {
    const [alpn = ''] = owner.alpns;
    const accepted = owner.next();
    const connection = await node.dial({ from, alpn, transport: 'tls' });
    const { auth } = await accepted;
    assert.deepEqual([auth.fingerprint, auth.identity], [null, null]);
    assert.equal(await ask(connection, 'x'), `${owner.name}:x`);
  }
});

test('END-20 on QUIC a caller without an identity shows a fresh certificate and is anonymous', async (t) => {
  const owner = echo('call', 'alknet/call');
  const node = await testNode(t, { owners: [owner] });
  const from = await client(t);
  Object.assign(from.identities, { ownCertificate: null });
  const seen = new Set<string | null>();
  for (let times = 0; times < 2; times++) {
    const accepted = owner.next();
    await node.dial({ from, alpn: 'alknet/call', transport: 'quic' });
    const { auth } = await accepted;
    assert.equal(auth.identity, null);
    assert.match(auth.fingerprint ?? '', /^ed25519:/);
    seen.add(auth.fingerprint);
  }
  assert.equal(seen.size, 2);
});

test('END-19 on an HTTP ALPN a certificate is not asked for, and gives no identity', async (t) => {
  const owner = echo('http', 'h2');
  const node = await testNode(t, { owners: [owner] });
  const from = await client(t);
  node.identities.add('alice', from.identities.fingerprint);
  for (const transport of both) {
    const accepted = owner.next();
    await node.dial({ from, alpn: 'h2', transport });
    assert.deepEqual([(await accepted).auth.fingerprint, (await accepted).auth.identity], [null, null]);
  }
});

test('IDN-31 a 1024-bit RSA client key reaches no plugin', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  const from = await client(t, { own: makeCertificate({ key: 'rsa1024' }) });
  node.identities.add('weak', from.identities.fingerprint);
  const connection = await node.dial({ from, alpn: 'alknet/one', transport: 'tls' });
  (await firstStream(connection))
    .on('error', () => {})
    .resume()
    .end();
  await connection.closed;
  assert.equal(owner.connections.length, 0);
  assert.deepEqual(node.endpoint.status().failedHandshakes, { certificate: 1 });
  assert.ok(
    node.lines.some(({ event, fields }) => event === 'identity reject' && fields['reason'] === 'key_size'),
  );
  const strong = await client(t, { own: makeCertificate({ key: 'rsa2048' }) });
  const accepted = owner.next();
  await node.dial({ from: strong, alpn: 'alknet/one', transport: 'tls' });
  assert.match((await accepted).auth.fingerprint ?? '', /^SHA256:/);
});

test('IDN-62 the log has one accept line a connection, and its open and close', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const from = await client(t);
  node.identities.add('alice', from.identities.fingerprint);
  for (const transport of both) {
    const connection = await node.dial({ from, alpn: 'alknet/one', transport });
    assert.equal(await ask(connection, 'secret words'), 'one:secret words');
    connection.close();
  }
  await until(() => node.endpoint.connections().length === 0);
  const accepts = node.lines.filter(({ event }) => event === 'identity accept');
  assert.deepEqual(
    accepts.map(({ fields }) => fields),
    both.map((via) => ({
      ...{ alpn: 'alknet/one', addr: '127.0.0.1', via, key: from.identities.fingerprint, peer: 'alice' },
    })),
  );
  for (const event of ['connection open', 'connection close']) {
    assert.equal(node.lines.filter((line) => line.event === event && line.level === 'debug').length, 2);
  }
  assert.ok(!JSON.stringify(node.lines).includes('secret words'));
});
