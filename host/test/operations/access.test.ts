import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { tool, until } from '../peers/support.ts';
import { changes, code, configPath, lab, peersText, reads } from './support.ts';

test('REG-68 host/* needs its scopes, and host:read changes nothing', async (t) => {
  const { node, root, reader, bob } = await lab(t);
  const nobody = await node.session();
  const plain = await node.session(bob.key);
  for (const [name, input] of [...reads, ...changes]) {
    assert.equal(await code(nobody.call(name, input)), 'FORBIDDEN', name);
    assert.equal(await code(plain.call(name, input)), 'FORBIDDEN', name);
  }
  assert.equal(await code(plain.subscribe('host/log', {}).next()), 'FORBIDDEN');

  const before = [await peersText(node), await readFile(configPath(node), 'utf8')];
  for (const [name, input] of reads) assert.equal(await code(reader.call(name, input)), 'ok', name);
  for (const [name, input] of changes) assert.equal(await code(reader.call(name, input)), 'FORBIDDEN', name);
  assert.deepEqual([await peersText(node), await readFile(configPath(node), 'utf8')], before);
  for (const [name, input] of changes) assert.notEqual(await code(root.call(name, input)), 'FORBIDDEN', name);
  assert.notEqual(await peersText(node), before[0]);

  const { operations } = (await root.call('services/list', { namespace: 'host' })) as {
    operations: { name: string; op_type: string }[];
  };
  const all: [string, string][] = [
    ...reads.map(([name]): [string, string] => [name, 'query']),
    ...changes.map(([name]): [string, string] => [name, 'mutation']),
    ['host/log', 'subscription'],
  ];
  assert.deepEqual(
    operations.map(({ name, op_type }) => [name, op_type]),
    all.sort(([a], [b]) => (a < b ? -1 : 1)),
    'the lists of this test are whole',
  );
});

test('CFG-04 over the wire only host:admin and admin can cause a reload', async (t) => {
  const { node, root, reader, bob } = await lab(t, { tool });
  const { name, id } = bob;
  await node.admit({ name, id }, ['host:status', 'plugins:admin', 'host:*', '*']);
  const attempts: [string, object][] = [
    ['host/plugins/disable', { name: 'tool' }],
    ['host/plugins/disable', { name: 'tool', persist: false }],
    ['host/plugins/enable', { name: 'tool' }],
    ['host/plugins/reload', { name: 'tool' }],
  ];
  const state = () => {
    const { configuration, registryRevision, plugins } = node.running.status();
    return { configuration, registryRevision, plugins };
  };
  const before = state();
  for (const session of [reader, await node.session(bob.key), await node.session()])
    for (const [operation, input] of attempts)
      assert.equal(await code(session.call(operation, input)), 'FORBIDDEN', operation);
  assert.deepEqual(state(), before);

  assert.equal(await code(root.call('host/plugins/disable', { name: 'tool' })), 'ok');
  assert.notEqual(state().configuration.revision, before.configuration.revision);
  await node.admit({ name, id }, ['admin']);
  assert.equal(await code((await node.session(bob.key)).call('host/plugins/enable', { name: 'tool' })), 'ok');
});

test('REG-73 nobody can disable or remove his own entry, nor, without force, the plugin he is connected through', async (t) => {
  const { node, root } = await lab(t);
  const before = await peersText(node);
  for (const name of ['host/peers/remove', 'host/peers/disable'])
    assert.equal(await code(root.call(name, { id: 'root' })), 'OWN_ENTRY');
  assert.equal(await peersText(node), before);
  for (const persist of [true, false])
    assert.equal(
      await code(root.call('host/plugins/disable', { name: 'call', persist })),
      'WOULD_DISCONNECT',
    );
  const stateOf = () => node.running.status().plugins.find(({ name }) => name === 'call')?.state;
  assert.equal(stateOf(), 'running');

  assert.equal(await code(root.call('host/peers/disable', { id: 'bob' })), 'ok');
  const disabled = root.call('host/plugins/disable', { name: 'call', force: true, persist: false });
  assert.deepEqual(await disabled, { state: 'disabled' }, 'it is answered before the connection goes');
  await until('it is off', () => stateOf() === 'disabled');
});
