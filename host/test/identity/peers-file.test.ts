import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  changePeers,
  type PeerEntry,
  PeersBusy,
  PeersFormatError,
  PeerTable,
  peersPath,
  RevisionMismatch,
  readPeers,
  tokenHash,
} from '../../src/identity/index.ts';
import {
  createdAt,
  directory,
  entriesOf,
  otherFingerprint,
  vectorFingerprint,
  vectorToken,
  vectorTokenHash,
  writePeers,
} from './support.ts';

const read = async (dataDir: string) => JSON.parse(await readFile(peersPath(dataDir), 'utf8'));

test('IDN-10 without peers.json nobody is authorised', async (t) => {
  const dataDir = await directory(t);
  const { entries, revision } = await readPeers(dataDir);
  assert.deepEqual(entries, []);
  assert.equal(revision, '');
  const table = new PeerTable();
  t.after(() => table.close());
  table.swap(entries, revision);
  assert.equal(table.resolveFingerprint(vectorFingerprint), undefined);
  assert.equal(table.resolveToken(vectorToken), undefined);
  assert.equal(table.resolvePeer('operator'), undefined);
});

test('IDN-11 duplicates and reserved ids refuse the file and name the entry', async (t) => {
  const dataDir = await directory(t);
  const refused: [message: RegExp, peers: object[]][] = [
    [/"alice"/, [{ id: 'alice' }, { id: 'bob' }, { id: 'alice' }]],
    [
      /"alice".*"bob".*fingerprint/,
      [
        { id: 'alice', fingerprints: [vectorFingerprint] },
        { id: 'bob', fingerprints: [vectorFingerprint] },
      ],
    ],
    [
      /"alice".*"bob".*fingerprint/,
      [
        { id: 'alice', fingerprints: [vectorFingerprint] },
        { id: 'bob', fingerprints: [vectorFingerprint.toUpperCase()] },
      ],
    ],
    [
      /"alice".*"bob".*tokenHash/,
      [
        { id: 'alice', tokenHash: vectorTokenHash },
        { id: 'bob', tokenHash: vectorTokenHash },
      ],
    ],
    [/"local".*id/, [{ id: 'local' }]],
    [/"\.\.".*id/, [{ id: '..' }]],
    [/"\.".*id/, [{ id: '.' }]],
  ];
  for (const [message, peers] of refused) {
    await writePeers(dataDir, peers);
    await assert.rejects(readPeers(dataDir), (error: Error) => {
      assert.ok(error instanceof PeersFormatError);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('a bad field refuses the file and names entry and field', async (t) => {
  const dataDir = await directory(t);
  const refused: [field: string, entry: object][] = [
    ['id', { id: 'a b' }],
    ['id', { id: 'a'.repeat(65) }],
    ['id', { id: 7 }],
    ['displayName', { displayName: 'x'.repeat(129) }],
    ['fingerprints', { fingerprints: vectorFingerprint }],
    ['fingerprints', { fingerprints: ['SHA256:SI8H5nURDDeSA+mnF/eIP4cfbijOEaGgCDExO2uFfSk'] }],
    [
      'fingerprints',
      { fingerprints: Array.from({ length: 33 }, (_, i) => `ed25519:${`${i}`.padStart(64, '0')}`) },
    ],
    ['tokenHash', { tokenHash: vectorToken }],
    ['scopes', { scopes: ['two words'] }],
    ['scopes', { scopes: [''] }],
    ['scopes', { scopes: ['x'.repeat(129)] }],
    ['scopes', { scopes: 'admin' }],
    ['resources', { resources: [] }],
    ['resources', { resources: { repo: 'all' } }],
    ['enabled', { enabled: 'false' }],
    ['createdAt', { createdAt: undefined }],
    ['createdAt', { createdAt: 'yesterday' }],
    ['expiresAt', { expiresAt: '2026-02-31T00:00:00Z' }],
    ['expiresAt', { expiresAt: '2026-01-01' }],
    ['expiresAt', { expiresAt: 1 }],
  ];
  for (const [field, entry] of refused) {
    await writePeers(dataDir, [{ id: 'first' }, { id: 'bad', ...entry }]);
    await assert.rejects(
      readPeers(dataDir),
      new RegExp(`peers\\.json: entry .*, ${field}: `),
      JSON.stringify(entry),
    );
  }
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '{"format":"alknet-peers","version":2,"peers":[]}',
    '{"format":"alknet-peers","version":1}',
  ]) {
    await writeFile(peersPath(dataDir), text);
    await assert.rejects(readPeers(dataDir), PeersFormatError, text);
  }
  await writePeers(dataDir, [{ id: 'a' }, { id: 'b' }]);
  await assert.rejects(readPeers(dataDir, 1), /identity\.maxPeers is 1/);
});

test('a token in the place of a fingerprint is refused and not repeated', async (t) => {
  const dataDir = await directory(t);
  await writePeers(dataDir, [{ id: 'alice', fingerprints: [vectorToken] }]);
  await assert.rejects(
    readPeers(dataDir),
    (error: Error) => !error.message.includes(vectorToken.slice(4, 20)),
  );
});

test('IDN-15 members that are not known survive a change, in entries and in the file', async (t) => {
  const dataDir = await directory(t);
  const sshKeys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGqd1cQZFfumzCK4dgJjq6RbBoyue+rR0GnHuO6wEYE0 alice'];
  const alice = { id: 'alice', sshKeys, 'x-note': { from: 'by hand', list: [1, 2] } };
  const file = { format: 'alknet-peers', version: 1, comment: 'ours', peers: [{ createdAt, ...alice }] };
  await writeFile(peersPath(dataDir), JSON.stringify(file));
  await changePeers(dataDir, (entries) => entries.map((entry) => ({ ...entry, scopes: ['admin'] })));
  const { comment, peers } = await read(dataDir);
  assert.equal(comment, 'ours');
  assert.deepEqual(peers[0].sshKeys, alice.sshKeys);
  assert.deepEqual(peers[0]['x-note'], alice['x-note']);
  assert.deepEqual(peers[0].scopes, ['admin']);
});

test('a change is written whole, with mode 0600 and the revision of its bytes', async (t) => {
  const dataDir = await directory(t);
  const revision = await changePeers(dataDir, () =>
    entriesOf([{ id: 'alice', fingerprints: [vectorFingerprint.toUpperCase()] }]),
  );
  const bytes = await readFile(peersPath(dataDir));
  assert.equal(revision, createHash('sha256').update(bytes).digest('hex').slice(0, 12));
  assert.equal((await readPeers(dataDir)).revision, revision);
  assert.equal((await stat(peersPath(dataDir))).mode & 0o777, 0o600);
  assert.deepEqual((await read(dataDir)).peers[0].fingerprints, [vectorFingerprint]);
  assert.deepEqual(await readdir(dataDir), ['peers.json']);
});

test('a change that would make a bad table is refused and changes nothing', async (t) => {
  const dataDir = await directory(t);
  await writePeers(dataDir, [{ id: 'alice', fingerprints: [vectorFingerprint] }]);
  const before = await readFile(peersPath(dataDir), 'utf8');
  const twice = (entries: readonly PeerEntry[]) => [...entries, ...entries];
  await assert.rejects(changePeers(dataDir, twice), PeersFormatError);
  const fault = new Error('of the edit');
  await assert.rejects(
    changePeers(dataDir, () => {
      throw fault;
    }),
    fault,
  );
  assert.equal(await readFile(peersPath(dataDir), 'utf8'), before);
  assert.deepEqual(await readdir(dataDir), ['peers.json']);
});

test('two writers of peers.json at once lose neither change, and a stale revision is refused', async (t) => {
  const dataDir = await directory(t);
  const ids = Array.from({ length: 20 }, (_, i) => `peer-${i}`);
  const revisions = await Promise.all(
    ids.map((id) => changePeers(dataDir, (entries) => [...entries, ...entriesOf([{ id }])])),
  );
  assert.deepEqual((await readPeers(dataDir)).entries.map(({ id }) => id).sort(), ids.sort());
  const before = await readFile(peersPath(dataDir), 'utf8');
  const { revision } = await readPeers(dataDir);
  for (const stale of [...revisions.filter((each) => each !== revision), '']) {
    await assert.rejects(
      changePeers(dataDir, () => [], { ifRevision: stale }),
      RevisionMismatch,
    );
  }
  assert.equal(await readFile(peersPath(dataDir), 'utf8'), before);
  await changePeers(dataDir, () => [], { ifRevision: revision });
  assert.deepEqual((await readPeers(dataDir)).entries, []);
});

test('an edit by hand between reading and writing is not overwritten: the change begins again', async (t) => {
  const dataDir = await directory(t);
  await writePeers(dataDir, []);
  let attempts = 0;
  const add = (entries: readonly PeerEntry[], between: boolean) => {
    attempts++;
    if (between) {
      // Synchronous: it is on disk when the writer compares.
      const peers = [{ id: `hand-${attempts}`, createdAt }];
      writeFileSync(peersPath(dataDir), JSON.stringify({ format: 'alknet-peers', version: 1, peers }));
    }
    const others = entries.filter(({ id }) => id !== 'command');
    return [...others, ...entriesOf([{ id: 'command', tokenHash: tokenHash(vectorToken) }])];
  };
  await changePeers(dataDir, (entries) => add(entries, attempts === 0));
  assert.equal(attempts, 2);
  assert.deepEqual(
    (await readPeers(dataDir)).entries.map(({ id }) => id),
    ['hand-1', 'command'],
  );
  attempts = 0;
  await assert.rejects(
    changePeers(dataDir, (entries) => add(entries, true)),
    PeersBusy,
  );
  assert.equal(attempts, 3);
});

test('IDN-18 a second fingerprint is added and the first removed without a change of the id', async (t) => {
  const dataDir = await directory(t);
  const table = new PeerTable();
  t.after(() => table.close());
  const change = async (fingerprints: string[]) => {
    await changePeers(dataDir, (entries) => entries.map((entry) => ({ ...entry, fingerprints })));
    const { entries, revision } = await readPeers(dataDir);
    table.swap(entries, revision);
    return [vectorFingerprint, otherFingerprint].map((text) => table.resolveFingerprint(text)?.id);
  };
  await writePeers(dataDir, [{ id: 'alice' }]);
  assert.deepEqual(await change([vectorFingerprint]), ['alice', undefined]);
  assert.deepEqual(await change([vectorFingerprint, otherFingerprint]), ['alice', 'alice']);
  assert.deepEqual(await change([otherFingerprint]), [undefined, 'alice']);
});
