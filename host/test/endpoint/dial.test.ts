import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { firstStream } from '@alknet/sdk';
import { DialError } from '../../src/endpoint/dial-error.ts';
import { alternate, RaceLost, race } from '../../src/endpoint/race.ts';
import { makeCertificate } from './certificates.ts';
import { ask, both, client, echo, readText, testNode } from './support.ts';

test('END-13 IDN-54 a dial with a wrong pin fails with PeerMismatch and both fingerprints, before an application byte', async (t) => {
  const received: unknown[] = [];
  const owner = echo('one', 'alknet/one', {
    async connection(connection) {
      owner.connections.push(connection);
      for await (const stream of connection)
        stream.on('data', (chunk) => received.push(chunk)).on('end', () => stream.end());
    },
  });
  const node = await testNode(t, { owners: [owner] });
  const expected = makeCertificate().fingerprint;
  for (const transport of [...both, 'auto'] as const) {
    await assert.rejects(
      node.dial({ alpn: 'alknet/one', transport, pins: [expected] }),
      (error: DialError) => {
        assert.equal(error.code, 'PeerMismatch');
        assert.ok(
          error.message.includes(expected) && error.message.includes(node.identities.fingerprint),
          error.message,
        );
        assert.ok(!error.message.includes('\n'));
        return true;
      },
    );
  }
  // A server may see the end of such a handshake; no byte ever comes after it.
  for (const connection of owner.connections) await connection.closed;
  assert.deepEqual(received, []);
});

test('END-13 IDN-55 a dial without a pin to a self-signed identity fails with UnknownIdentity and tells the fingerprint', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  for (const transport of both) {
    await assert.rejects(node.dial({ alpn: 'alknet/one', transport, pins: [] }), (error: DialError) => {
      assert.equal(error.code, 'UnknownIdentity');
      assert.ok(error.message.includes(node.identities.fingerprint), error.message);
      return true;
    });
  }
});

test('IDN-58 a pinned SHA256: certificate is accepted although expired and misnamed', async (t) => {
  const own = makeCertificate({
    key: 'p256',
    names: ['elsewhere.example'],
    notBefore: new Date('2001-01-01'),
    notAfter: new Date('2002-01-01'),
  });
  assert.match(own.fingerprint, /^SHA256:/);
  const node = await testNode(t, { own, owners: [echo('one', 'alknet/one')] });
  for (const transport of both) {
    const connection = await node.dial({ alpn: 'alknet/one', transport });
    assert.equal(connection.auth.fingerprint, own.fingerprint);
    assert.equal(await ask(connection, 'hello'), 'one:hello');
  }
});

test('END-46 IDN-59 what comes back over a dialled connection carries the identity of the pinned peer', async (t) => {
  const node = await testNode(t, {
    owners: [
      echo('caller', 'caller/x', {
        async connection(connection) {
          const stream = await connection.openStream();
          stream.end('from the node');
          await connection.closed;
        },
      }),
    ],
  });
  const from = await client(t);
  const identity = from.identities.add('hub', node.identities.fingerprint, ['a']);
  const connection = await node.dial({ from, alpn: 'caller/x', transport: 'quic' });
  assert.equal(connection.auth.identity, identity, 'known before the first stream is served');
  const { value: stream } = await connection[Symbol.asyncIterator]().next();
  assert.ok(stream);
  assert.equal(await readText(stream), 'from the node');
  const tls = await testNode(t, { own: makeCertificate(), owners: [echo('one', 'alknet/one')] });
  from.identities.add('second', tls.identities.fingerprint);
  assert.equal((await tls.dial({ from, alpn: 'alknet/one', transport: 'tls' })).auth.identity?.id, 'second');
});

test('IDN-60 the identity certificate is offered to a pinned remote, to others only when asked for', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  const from = await client(t);
  // A public endpoint: certificate authorities would accept it, no pin is held.
  from.identities.verifyServer = () => () => {};
  for (const transport of both) {
    for (const [pins, presentIdentity, shown] of [
      [[node.identities.fingerprint], false, true],
      [[], false, false],
      [[], true, true],
    ] as const) {
      const accepted = owner.next();
      const dialled = await node.dial({ from, alpn: 'alknet/one', transport, pins, presentIdentity });
      assert.equal((await accepted).auth.fingerprint === from.identities.fingerprint, shown);
      assert.equal(dialled.auth.identity, null);
    }
  }
});

test('a connection to a public endpoint has no identity, even if its key belongs to a peer', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const from = await client(t);
  from.identities.add('hub', node.identities.fingerprint);
  from.identities.verifyServer = () => () => {};
  const connection = await node.dial({ from, alpn: 'alknet/one', transport: 'quic', pins: [] });
  assert.equal(connection.auth.identity, null);
  assert.equal(connection.auth.fingerprint, node.identities.fingerprint);
});

test('END-45 auto uses QUIC when both are open, and TLS within 3 s when UDP is blocked', async (t) => {
  const open = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  assert.equal((await open.dial({ alpn: 'alknet/one' })).transport, 'quic');
  const blocked = await testNode(t, {
    owners: [echo('one', 'alknet/one')],
    listen: [{ transport: 'tls', host: '127.0.0.1', port: 0 }],
  });
  const started = performance.now();
  const connection = await blocked.dial({ alpn: 'alknet/one' });
  assert.equal(connection.transport, 'tls');
  assert.ok(performance.now() - started < 3000);
  assert.equal(await ask(connection, 'hello'), 'one:hello');
});

test('END-47 a dial to a dead address fails within the time limit with one line naming target, transport and cause', async (t) => {
  const from = await client(t);
  const dead = createServer().listen(0, '127.0.0.1');
  await once(dead, 'listening');
  const { port } = dead.address() as AddressInfo;
  dead.close();
  const target = {
    name: 'laptop',
    addresses: [{ host: '127.0.0.1', port }],
    pins: [from.identities.fingerprint],
  };
  for (const transport of ['auto', 'tls', 'quic'] as const) {
    const started = performance.now();
    const dialled = from.endpoint.dial(target, { alpn: 'alknet/call', transport, timeoutMs: 400 });
    await assert.rejects(dialled, (error: Error) => {
      assert.ok(error instanceof DialError);
      assert.match(error.message, /^laptop: /);
      assert.match(error.message, transport === 'auto' ? /quic|tls/i : new RegExp(transport, 'i'));
      assert.match(error.message, new RegExp(`127.0.0.1:${port}`));
      assert.ok(!error.message.includes('\n'));
      return true;
    });
    // Not that of a dial without a limit of its own, which is 10 s.
    assert.ok(performance.now() - started < 5000);
  }
  const unknown = { name: 'nowhere', addresses: [{ host: 'does-not-exist.invalid', port: 4433 }], pins: [] };
  await assert.rejects(from.endpoint.dial(unknown, { alpn: 'alknet/call' }), {
    code: 'Resolve',
    message: /^nowhere: does-not-exist\.invalid: E/,
  });
});

test('a dial can be cancelled, and leaves nothing', async (t) => {
  const from = await client(t);
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const controller = new AbortController();
  const dialled = from.endpoint.dial(
    { name: 'x', addresses: [{ host: '127.0.0.1', port }], pins: [from.identities.fingerprint] },
    { alpn: 'alknet/call', signal: controller.signal },
  );
  controller.abort();
  await assert.rejects(dialled, { code: 'Aborted', message: 'x: the dial was cancelled' });
});

test('a name is resolved and its addresses are tried until one answers', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  const from = await client(t);
  const connection = await from.endpoint.dial(
    {
      name: 'localhost',
      addresses: [{ host: 'localhost', port: node.port() }],
      pins: [node.identities.fingerprint],
    },
    { alpn: 'alknet/one', transport: 'tls' },
  );
  const stream = await firstStream(connection);
  stream.end('hello');
  assert.equal(await readText(stream), 'one:hello');
});

test('a race starts the next attempt after the stagger or at a failure, and takes back what comes too late', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const begun: string[] = [];
  const late: string[] = [];
  const finish = new Map<string, () => void>();
  const slow = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => finish.set(name, () => resolve(name)));
  };
  const failing = () => {
    begun.push('failing');
    return Promise.reject(new Error('no'));
  };
  const options = {
    stagger: 30,
    signal: new AbortController().signal,
    discard: (name: string) => void late.push(name),
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  const won = race([failing, slow('a'), slow('b'), slow('c')], options);
  await settle();
  assert.deepEqual(begun, ['failing', 'a'], 'a failure starts the next at once');
  t.mock.timers.tick(29);
  assert.deepEqual(begun, ['failing', 'a']);
  t.mock.timers.tick(1);
  assert.deepEqual(begun, ['failing', 'a', 'b']);
  finish.get('b')?.();
  assert.equal(await won, 'b');
  t.mock.timers.tick(1000);
  assert.deepEqual(begun, ['failing', 'a', 'b'], 'a race that is won starts nobody');
  assert.deepEqual(late, []);
  finish.get('a')?.();
  await settle();
  assert.deepEqual(late, ['a']);
  await assert.rejects(
    race([failing, failing], options),
    (error) => error instanceof RaceLost && error.errors.length === 2,
  );
});

test('addresses of two families alternate, beginning with the first', () => {
  const six = (address: string) => ({ address, family: 6 });
  const four = (address: string) => ({ address, family: 4 });
  const order = (list: { address: string; family: number }[]) =>
    alternate(list).map(({ address }) => address);
  assert.deepEqual(order([six('a'), six('b'), four('c'), four('d'), four('e')]), ['a', 'c', 'b', 'd', 'e']);
  assert.deepEqual(order([four('c'), six('a'), six('b')]), ['c', 'a', 'b']);
});
