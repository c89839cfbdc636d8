import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '@alknet/sdk';
import { NodePeers } from '../../src/node/peers.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGqd1cQZFfumzCK4dgJjq6RbBoyue+rR0GnHuO6wEYE0';

async function peersOf(t: import('node:test').TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-peers-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const write = (...sshKeys: string[]) =>
    writeFile(
      join(directory, 'peers.json'),
      JSON.stringify({
        format: 'alknet-peers',
        version: 1,
        peers: [{ id: 'alice', createdAt: '2026-01-01T00:00:00Z', scopes: ['a'], sshKeys }],
      }),
      { mode: 0o600 },
    );
  await write(key);
  const peers = new NodePeers(directory, silentLog, () => 10);
  await peers.load();
  return { peers, write };
}

test('SSH-26 a key line with cert-authority or an unknown option refuses peers.json, and the table in use stays', async (t) => {
  const { peers, write } = await peersOf(t);
  for (const option of ['cert-authority', 'frobnicate', 'principals="x"']) {
    await write(`${option} ${key}`);
    await peers.reload();
    const name = option.split('=')[0];
    assert.match(peers.problem ?? '', new RegExp(`entry "alice", sshKeys: line 1: option "${name}"`));
    assert.deepEqual(peers.table.entry('alice')?.sshKeys, [key]);
  }
  await write(`restrict ${key}`);
  await peers.reload();
  assert.equal(peers.problem, undefined);
  assert.deepEqual(peers.table.entry('alice')?.sshKeys, [`restrict ${key}`]);
});

test('a built-in plugin sees the entries and follows them, another does not', async (t) => {
  const { peers, write } = await peersOf(t);
  assert.equal(peers.lookup({ builtIn: false }).peers, undefined);
  const directory = peers.lookup({ builtIn: true }).peers;
  assert.deepEqual(directory?.entries(), [{ id: 'alice', fingerprints: [], sshKeys: [key] }]);
  assert.deepEqual(directory?.resolvePeer('alice')?.scopes, ['a']);
  assert.equal(directory?.resolvePeer('bob'), undefined);
  let changes = 0;
  const stop = peers.lookup({ builtIn: true }).onChange(() => changes++);
  await write();
  await peers.reload();
  stop();
  await write(key);
  await peers.reload();
  assert.equal(changes, 1);
});
