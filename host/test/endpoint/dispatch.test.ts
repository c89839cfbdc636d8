import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '@alknet/sdk';
import { CloseCode, firstStream } from '@alknet/sdk';
import { duplexes } from './duplexes.ts';
import { ask, client, echo, readText, testNode, until } from './support.ts';

test('END-42 dispatch outside the grant is refused, and so is an identity object that the host did not give out', async (t) => {
  const inner = echo('inner', 'alknet/inner');
  const door = echo('door', 'door/in', { grant: { dispatch: ['alknet/inner'] } });
  const narrow = echo('narrow', 'narrow/in', { grant: { dispatch: ['alknet/other'] } });
  const node = await testNode(t, { owners: [inner, door, narrow] });
  const [, stream] = duplexes();
  for (const owner of [narrow, echo('bare', 'bare/x')]) {
    await assert.rejects(node.endpoint.dispatch(owner, 'alknet/inner', stream, {}), {
      code: 'FORBIDDEN',
      message: /grant\.dispatch/,
    });
  }
  const identity = node.identities.add('alice', 'ed25519:00', ['a']);
  const copy = { ...identity };
  await assert.rejects(node.endpoint.dispatch(door, 'alknet/inner', stream, { identity: copy }), {
    code: 'FORBIDDEN',
  });
  for (const transport of ['quic', 'tls', 'iroh', 'Upper', '']) {
    await assert.rejects(node.endpoint.dispatch(door, 'alknet/inner', stream, { transport }), {
      code: 'FORBIDDEN',
    });
  }
  assert.equal(inner.connections.length, 0);
  const accepted = inner.next();
  const remote = { address: '192.0.2.1', port: 1 };
  void node.endpoint.dispatch(door, 'alknet/inner', stream, { identity, remote, transport: 'ssh' });
  const connection = await accepted;
  assert.equal(connection.auth.identity, identity);
  assert.deepEqual(
    { alpn: connection.alpn, transport: connection.transport, remote: connection.remote },
    { alpn: 'alknet/inner', transport: 'ssh', remote },
  );
  assert.ok(node.endpoint.isAuthContext(connection.auth));
  assert.ok(!node.endpoint.isAuthContext({ ...connection.auth }));
});

test('END-43 an asserted identity outside the own prefix is refused, and its scopes outside the grant are cut', async (t) => {
  const inner = echo('inner', 'alknet/inner');
  const ssh = echo('ssh', 'alknet/ssh', {
    grant: { dispatch: ['alknet/*'], scopes: ['read'], resources: { repo: ['mine'] } },
  });
  const node = await testNode(t, { owners: [inner, ssh] });
  const assert_ = (id: string) => ({
    id,
    scopes: ['read', 'admin'],
    resources: { repo: ['mine', 'yours'], host: ['all'] },
  });
  for (const id of ['alice', 'git:alice', 'ssh', 'sshx:alice']) {
    const [, stream] = duplexes();
    const refused = node.endpoint.dispatch(ssh, 'alknet/inner', stream, { identity: assert_(id) });
    await assert.rejects(refused, { code: 'FORBIDDEN' }, id);
  }
  for (let times = 0; times < 2; times++) {
    const [, stream] = duplexes();
    const accepted = inner.next();
    void node.endpoint.dispatch(ssh, 'alknet/inner', stream, { identity: assert_('ssh:alice') });
    assert.deepEqual((await accepted).auth.identity, {
      id: 'ssh:alice',
      scopes: ['read'],
      resources: { repo: ['mine'] },
    });
  }
  const reported = node.lines.filter(({ event }) => event === 'dispatch identity cut');
  assert.deepEqual(
    reported.map(({ fields }) => fields['what']),
    ['scopes', 'resources'],
    'each is reported once',
  );
});

test('END-44 ending the outer connection ends the dispatched one', async (t) => {
  const inner = echo('inner', 'alknet/inner');
  const door = echo('door', 'alknet/door', {
    grant: { dispatch: ['*'] },
    async connection(connection) {
      for await (const stream of connection) {
        void node.endpoint.dispatch(door, 'alknet/inner', stream, { parent: connection });
      }
    },
  });
  const node = await testNode(t, { owners: [inner, door] });
  const outer = await node.dial({ alpn: 'alknet/door', transport: 'quic' });
  const stream = await firstStream(outer);
  stream.on('error', () => {});
  const accepted = inner.next();
  stream.write('x');
  const connection = await accepted;
  assert.equal(node.endpoint.connections().find(({ id }) => id === connection.id)?.parent, 'c1');
  outer.close();
  await connection.closed;
  await until(() => node.endpoint.connections().length === 0);

  // The same when the bytes do not come from a stream of the outer connection.
  const [, far] = duplexes();
  const second = await node.dial({ alpn: 'alknet/inner', transport: 'tls' });
  await until(() => inner.connections.length === 2);
  const parent = inner.connections[1] as Connection;
  const closed = node.endpoint.dispatch(door, 'alknet/inner', far, { parent });
  second.close();
  await closed;
  assert.ok(far.destroyed);
});

test('END-09 an unmodified plugin runs on a dispatched stream; END-28 and half-close works there', async (t) => {
  const inner = echo('inner', 'inner/x');
  const door = echo('door', 'door/in', { grant: { dispatch: ['inner/x'] } });
  const node = await testNode(t, { owners: [inner, door] });
  const [near, far] = duplexes();
  const closed = node.endpoint.dispatch(door, 'inner/x', far, {});
  near.end('question');
  let answer = '';
  for await (const chunk of near) answer += chunk;
  assert.equal(answer, 'inner:question');
  assert.equal((await closed).code, 0);
  assert.equal(node.endpoint.connections().length, 0);
  const connection = inner.connections[0] as Connection;
  await assert.rejects(connection.openStream(), { code: 'CONNECTION_CLOSED' });
});

test('dispatch is at most 8 deep', async (t) => {
  const depth: number[] = [];
  const nest = echo('nest', 'nest/x', {
    grant: { dispatch: ['nest/x'] },
    async connection(connection) {
      depth.push(depth.length);
      for await (const stream of connection) {
        const further = node.endpoint.dispatch(nest, 'nest/x', stream, { parent: connection });
        await further.catch((error) => stream.end(error.code));
      }
    },
  });
  const node = await testNode(t, { owners: [nest] });
  const connection = await node.dial({ alpn: 'nest/x', transport: 'tls' });
  const stream = await firstStream(connection);
  assert.equal(await readText(stream), 'LIMIT');
  assert.equal(depth.length, 9, 'the accepted one and 8 dispatched');
});

test('limits.dispatchedConnections and limits.connectionsPerIdentity bound dispatched connections', async (t) => {
  const door = echo('door', 'door/in', { grant: { dispatch: ['*'] } });
  const inner = echo('inner', 'inner/x');
  const node = await testNode(t, { owners: [door, inner], settings: { dispatchedConnections: 2 } });
  const identity = node.identities.add('alice', 'ed25519:00');
  const streams = [duplexes(), duplexes(), duplexes()].map(([, far]) => far);
  const [first, second, third] = streams as [(typeof streams)[0], (typeof streams)[0], (typeof streams)[0]];
  const ended = node.endpoint.dispatch(door, 'inner/x', first as never, { identity });
  void node.endpoint.dispatch(door, 'inner/x', second as never, {});
  const refused = (key: string) => ({ code: 'LIMIT', message: `limit: limits.${key}` });
  await assert.rejects(
    node.endpoint.dispatch(door, 'inner/x', third as never, {}),
    refused('dispatchedConnections'),
  );
  first?.destroy();
  await ended;
  node.settings.connectionsPerIdentity = 0;
  await assert.rejects(
    node.endpoint.dispatch(door, 'inner/x', third as never, { identity }),
    refused('connectionsPerIdentity'),
  );
  void node.endpoint.dispatch(door, 'inner/x', third as never, {});
  assert.deepEqual(node.endpoint.status().refused, {
    'limits.dispatchedConnections': 1,
    'limits.connectionsPerIdentity': 1,
  });
});

test('revoking a peer reaches the connection that it got by dispatch, and no other', async (t) => {
  const inner = echo('inner', 'alknet/inner');
  const door = echo('door', 'alknet/door', {
    grant: { dispatch: ['*'] },
    async connection(connection) {
      for await (const stream of connection) {
        const { identity } = connection.auth;
        void node.endpoint.dispatch(door, 'alknet/inner', stream, { identity, parent: connection });
      }
    },
  });
  const node = await testNode(t, { owners: [inner, door] });
  const [alice, bob] = [await client(t), await client(t)];
  node.identities.add('alice', alice.identities.fingerprint);
  node.identities.add('bob', bob.identities.fingerprint);
  const open = async (from: typeof alice) => {
    const outer = await node.dial({ from, alpn: 'alknet/door', transport: 'quic' });
    const accepted = inner.next();
    const stream = await firstStream(outer);
    stream.on('error', () => {});
    stream.write('x');
    return { outer, connection: await accepted };
  };
  const [of, other] = [await open(alice), await open(bob)];
  assert.equal(node.endpoint.revoke({ peer: 'alice', reason: 'disabled' }), 2);
  assert.deepEqual(await of.outer.closed, {
    code: CloseCode.REVOKED,
    reason: 'identity revoked',
    by: 'peer',
  });
  assert.deepEqual(await of.connection.closed, {
    code: CloseCode.REVOKED,
    reason: 'identity revoked',
    by: 'host',
  });
  assert.equal(await ask(other.outer, 'still'), 'inner:still');
  assert.ok(
    node.lines.some(({ event, fields }) => event === 'identity revoke' && fields['connections'] === 2),
  );
});
