import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { peersPath } from '../../src/identity/index.ts';
import { NodePeers } from '../../src/node/peers.ts';
import { createVaultFile, Vault } from '../../src/vault/index.ts';
import { type Line, recordingLog } from '../endpoint/support.ts';
import { directory, vectorFingerprint, writePeers } from './support.ts';

const bad: [name: string, change: (whole: string) => string][] = [
  ['syntax', (whole) => whole.slice(0, -5)],
  ['empty', () => ''],
  ['duplicate', (whole) => whole.replace('"bob"', '"alice"')],
  ['field', (whole) => whole.replace('"scopes":["a"]', '"scopes":"a"')],
];

test('IDN-12 a bad change of peers.json leaves the table in use, and a good one then replaces it', async (t) => {
  const dataDir = await directory(t);
  await writePeers(dataDir, [
    { id: 'alice', fingerprints: [vectorFingerprint], scopes: ['a'] },
    { id: 'bob' },
  ]);
  const whole = await readFile(peersPath(dataDir), 'utf8');
  const lines: Line[] = [];
  const peers = new NodePeers(dataDir, recordingLog(lines), () => 100);
  t.after(() => peers.table.close());
  await peers.load();
  const { revision } = peers.table;
  for (const [name, change] of bad) {
    await writeFile(peersPath(dataDir), change(whole));
    await peers.reload();
    assert.match(peers.problem ?? '', /^peers\.json: /, name);
    assert.equal(lines.at(-1)?.event, 'peers refused', name);
    assert.equal(peers.table.revision, revision, name);
    assert.deepEqual(peers.resolveFingerprint(vectorFingerprint)?.scopes, ['a'], name);
    assert.equal(peers.table.resolvePeer('bob')?.id, 'bob', name);
  }
  await writeFile(peersPath(dataDir), whole.replace('["a"]', '["b"]'));
  await peers.reload();
  assert.equal(peers.problem, undefined);
  assert.deepEqual(peers.resolveFingerprint(vectorFingerprint)?.scopes, ['b']);
});

test('IDN-12 a bad peers.json at start ends the process with exit code 3 and names the entry', async (t) => {
  const dataDir = await directory(t);
  const vault = new Vault();
  vault.unlockNew();
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  const config = join(dataDir, 'alknet.config.json');
  const listen = { quic: { addresses: ['127.0.0.1:0'] }, tls: false };
  await writeFile(config, JSON.stringify({ dataDir, listen, plugins: {} }));
  await writePeers(dataDir, [{ id: 'local' }]);
  await appendFile(peersPath(dataDir), '\n');
  const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const child = spawn(process.execPath, [
    ...['--conditions=alknet:source', '--import', 'tsx'],
    ...[program, 'up', '--config', config],
  ]);
  t.after(() => child.kill('SIGKILL'));
  const [output, errors, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  assert.equal(status, 3, errors);
  assert.match(errors, /error: peers\.json: entry "local", id: /);
  assert.equal(output, '', 'it never said that it serves');
});
