import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeToken, tokenHash } from '../../src/identity/index.ts';
import { code, entryInFile, lab, peersText, reads, records } from './support.ts';

type Peer = Record<string, unknown>;

test('REG-74 a peer made, changed and removed by operation stands in peers.json as by the local command, and survives a restart', async (t) => {
  const { node, root, bob } = await lab(t);
  assert.equal(await code(root.call('host/peers/remove', { id: 'bob' })), 'ok');
  assert.equal(await entryInFile(node, 'bob'), undefined);
  const added = (await root.call('host/peers/add', {
    id: 'bob',
    fingerprints: [bob.id.toUpperCase().replace('ED25519', 'ed25519')],
    scopes: ['a:b'],
    displayName: 'Bob',
  })) as { peer: Peer; revision: string };
  assert.deepEqual(await entryInFile(node, 'bob'), added.peer);
  assert.deepEqual([added.peer['fingerprints'], added.peer['enabled']], [[bob.id], true]);
  assert.equal(node.running.status().peersRevision, added.revision, 'it is in use when it is answered');
  assert.equal(await code(root.call('host/peers/add', { id: 'bob' })), 'PEER_EXISTS');
  assert.equal(await code(root.call('host/peers/add', { id: 'x y' })), 'PEER_INVALID');
  assert.equal(await code(root.call('host/peers/add', { id: 'x', tokenHash: 'sha256:' })), 'PEER_INVALID');
  const session = await node.session(bob.key);

  const change = { scopes: ['host:read'], displayName: null };
  const changed = (await root.call('host/peers/set', { id: 'bob', change })) as { peer: Peer };
  assert.deepEqual(await entryInFile(node, 'bob'), changed.peer);
  assert.equal(Object.hasOwn(changed.peer, 'displayName'), false);
  assert.equal(await code(session.call('host/status', {})), 'ok', 'the next request has the new right');
  for (const member of ['id', 'tokenHash', 'createdAt', 'enabled']) {
    const answer = code(root.call('host/peers/set', { id: 'bob', change: { [member]: 'x' } }));
    assert.equal(await answer, 'PEER_INVALID', member);
  }
  for (const wrong of [{ scopes: 'x' }, { fingerprints: ['ed25519:12'] }, { addresses: ['nowhere'] }])
    assert.equal(await code(root.call('host/peers/set', { id: 'bob', change: wrong })), 'PEER_INVALID');
  assert.equal(await code(root.call('host/peers/set', { id: 'eve', change })), 'PEER_NOT_FOUND');

  const { peers } = (await root.call('host/peers/list', { id: 'bob' })) as { peers: Peer[] };
  assert.deepEqual([peers[0]?.['online'], peers[0]?.['connections']], [true, 1]);
  await root.call('host/peers/disable', { id: 'bob' });
  await session.closed;
  assert.deepEqual(
    records(node).map(({ operation, peer, touched }) => [operation, peer, touched]),
    ['remove', 'add', 'set', 'disable'].map((word) => [`host/peers/${word}`, 'root', 'bob']),
  );
  await node.stop();
  await node.startAgain();
  assert.equal((await entryInFile(node, 'bob'))?.['enabled'], false);
  assert.equal(await code((await node.session(bob.key)).call('host/status', {})), 'FORBIDDEN');
});

test('REG-70 host/tokens/create takes a hash, and no input or output of any operation ever holds a token', async (t) => {
  const { node, root, bob } = await lab(t);
  await node.admit(bob, ['host:read']);
  const token = makeToken();
  const hash = tokenHash(token);
  const anonymous = await node.session();
  const withToken = () => code(anonymous.call('host/status', {}, { authToken: token }));
  const create = (given: string) => root.call('host/tokens/create', { id: 'bob', tokenHash: given });

  const made = (await create(hash)) as Record<string, unknown>;
  assert.deepEqual(made, { id: 'bob', replaced: false, revision: node.running.status().peersRevision });
  assert.equal((await entryInFile(node, 'bob'))?.['tokenHash'], hash);
  assert.equal(await withToken(), 'ok');
  const { tokens } = (await root.call('host/tokens/list', {})) as {
    tokens: { id: string; lastUsedAt?: string }[];
  };
  assert.deepEqual(
    tokens.map(({ id, lastUsedAt }) => [id, typeof lastUsedAt]),
    [['bob', 'string']],
  );
  for (const [name, input] of reads) {
    const answer = JSON.stringify(await root.call(name, input));
    assert.ok(!answer.includes(token) && !answer.includes(hash), name);
  }
  const refusal = await create(token).catch((error: Error) => error);
  assert.ok(refusal instanceof Error && !JSON.stringify(refusal).includes(token));
  assert.ok(!refusal.message.includes(token));
  assert.equal(await code(create(token)), 'TOKEN_INVALID');
  assert.equal(
    await code(root.call('host/tokens/create', { id: 'root', tokenHash: hash })),
    'TOKEN_INVALID',
    'it is another entry’s',
  );

  const other = makeToken();
  assert.deepEqual(((await create(tokenHash(other))) as { replaced: boolean }).replaced, true);
  assert.equal(await withToken(), 'FORBIDDEN', 'a new one ends the old');
  assert.equal(await code(root.call('host/tokens/revoke', { id: 'bob' })), 'ok');
  assert.equal(await code(root.call('host/tokens/revoke', { id: 'bob' })), 'TOKEN_NOT_FOUND');
  assert.equal(await code(root.call('host/tokens/revoke', { id: 'nobody' })), 'TOKEN_NOT_FOUND');
  const logged = JSON.stringify(node.log());
  for (const secret of [token, hash, other, tokenHash(other)]) assert.ok(!logged.includes(secret));
});

test('REG-74 a token made by operation survives a restart', async (t) => {
  const { node, root, bob } = await lab(t);
  await node.admit(bob, ['host:read']);
  const token = makeToken();
  await root.call('host/tokens/create', { id: 'bob', tokenHash: tokenHash(token) });
  await node.stop();
  await node.startAgain();
  const anonymous = await node.session();
  assert.equal(await code(anonymous.call('host/status', {}, { authToken: token })), 'ok');
});

test('IDN-63 of two writers at once neither loses a change, and a stale ifRevision is refused and changes nothing', async (t) => {
  const { node, root } = await lab(t);
  const ids = Array.from({ length: 12 }, (_, n) => `writer${n}`);
  // Half by operation, half by what the local commands do.
  await Promise.all(
    ids.map((id, n) =>
      n % 2 === 0 ? root.call('host/peers/add', { id }) : node.admit({ name: id, id: keyOf(n) }),
    ),
  );
  const { peers, revision } = (await root.call('host/peers/list', { limit: 1000 })) as {
    peers: { id: string }[];
    revision: string;
  };
  const listed = peers.map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id) => !listed.includes(id)),
    [],
  );

  assert.equal(await code(root.call('host/peers/add', { id: 'fresh', ifRevision: revision })), 'ok');
  const before = await peersText(node);
  const stale: [string, object][] = [
    ['host/peers/add', { id: 'stale' }],
    ['host/peers/set', { id: 'fresh', change: { scopes: ['x'] } }],
    ['host/peers/disable', { id: 'fresh' }],
    ['host/peers/enable', { id: 'fresh' }],
    ['host/peers/remove', { id: 'fresh' }],
    ['host/tokens/create', { id: 'fresh', tokenHash: tokenHash(makeToken()) }],
    ['host/tokens/revoke', { id: 'fresh' }],
  ];
  for (const [name, input] of stale)
    assert.equal(await code(root.call(name, { ...input, ifRevision: revision })), 'REVISION_MISMATCH', name);
  assert.equal(await peersText(node), before);
});

const keyOf = (n: number) => `ed25519:${n.toString(16).padStart(64, '0')}`;
