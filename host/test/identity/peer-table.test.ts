import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeToken, type PeerChange, tokenHash } from '../../src/identity/index.ts';
import {
  entriesOf,
  otherFingerprint,
  peerTable,
  vectorFingerprint,
  vectorToken,
  vectorTokenHash,
} from './support.ts';

test('IDN-14 ten thousand look-ups during reloads each see one whole table', async (t) => {
  // In table n every entry says n in its scopes, and the key belongs to another id than in table n + 1.
  const generation = (n: number) =>
    entriesOf([
      {
        id: `peer-${n % 2}`,
        fingerprints: [vectorFingerprint],
        scopes: [`${n}`],
        resources: { table: [`${n}`] },
      },
      { id: 'steady', tokenHash: vectorTokenHash, scopes: [`${n}`], resources: { table: [`${n}`] } },
      { id: `other-${n}`, fingerprints: [otherFingerprint] },
    ]);
  const table = peerTable(t, []);
  let n = 0;
  let done = false;
  const reloads = (async () => {
    while (!done) {
      table.swap(generation(n), `${n}`);
      n++;
      await new Promise(setImmediate);
    }
  })();
  const seen = new Set<string>();
  for (let look = 0; look < 10_000; look++) {
    const byKey = table.resolveFingerprint(vectorFingerprint);
    const byToken = table.resolveToken(vectorToken);
    const { revision } = table;
    assert.deepEqual(byKey?.scopes, [revision]);
    assert.deepEqual(byKey?.resources, { table: [revision] });
    assert.equal(byKey?.id, `peer-${Number(revision) % 2}`);
    assert.deepEqual(byToken?.scopes, [revision]);
    assert.equal(table.resolvePeer(`other-${revision}`)?.id, `other-${revision}`);
    assert.equal(table.resolvePeer(`other-${Number(revision) + 1}`), undefined);
    seen.add(revision);
    if (look % 100 === 0) await new Promise(setImmediate);
  }
  done = true;
  await reloads;
  assert.ok(seen.size > 50, `${seen.size} tables were seen`);
});

test('IDN-16 a peer known by key and by token is one identity', (t) => {
  const table = peerTable(t, [
    {
      id: 'alice',
      fingerprints: [vectorFingerprint, otherFingerprint],
      tokenHash: vectorTokenHash,
      scopes: ['b', 'a'],
      resources: { repo: ['x', 'y'] },
    },
  ]);
  const byKey = table.resolveFingerprint(vectorFingerprint);
  const byToken = table.resolveToken(vectorToken);
  assert.deepEqual(byKey, { id: 'alice', scopes: ['b', 'a'], resources: { repo: ['x', 'y'] } });
  assert.equal(byToken, byKey);
  assert.equal(table.resolveFingerprint(otherFingerprint), byKey);
  assert.equal(table.resolvePeer('alice'), byKey);
});

test('IDN-17 a disabled and an expired entry resolve to nothing, by key and by token', (t) => {
  const clock = { now: Date.parse('2026-06-01T00:00:00Z') };
  const expiresAt = '2026-06-01T00:00:01.500Z';
  const token = makeToken();
  const table = peerTable(
    t,
    [
      { id: 'disabled', fingerprints: [vectorFingerprint], tokenHash: vectorTokenHash, enabled: false },
      { id: 'expiring', fingerprints: [otherFingerprint], tokenHash: tokenHash(token), expiresAt },
    ],
    () => clock.now,
  );
  const looks = () => [
    table.resolveFingerprint(otherFingerprint)?.id,
    table.resolveToken(token)?.id,
    table.resolvePeer('expiring')?.id,
  ];
  assert.equal(table.resolveFingerprint(vectorFingerprint), undefined);
  assert.equal(table.resolveToken(vectorToken), undefined);
  assert.equal(table.resolvePeer('disabled'), undefined);
  clock.now = Date.parse(expiresAt) - 1;
  assert.deepEqual(looks(), ['expiring', 'expiring', 'expiring']);
  clock.now = Date.parse(expiresAt);
  assert.deepEqual(looks(), [undefined, undefined, undefined]);
});

test('IDN-61 unknown, disabled and expired give the same answer', (t) => {
  const [disabled, expired, unknown] = [makeToken(), makeToken(), makeToken()];
  const key = (digit: string) => `ed25519:${digit.repeat(64)}`;
  const table = peerTable(t, [
    { id: 'disabled', fingerprints: [key('1')], tokenHash: tokenHash(disabled), enabled: false },
    {
      id: 'expired',
      fingerprints: [key('2')],
      tokenHash: tokenHash(expired),
      expiresAt: '2020-01-01T00:00:00Z',
    },
  ]);
  const answers = [
    ...[disabled, expired, unknown, 'malformed'].map((token) => table.resolveToken(token)),
    ...['1', '2', '3'].map((digit) => table.resolveFingerprint(key(digit))),
    ...['disabled', 'expired', 'unknown'].map((id) => table.resolvePeer(id)),
  ];
  assert.deepEqual(new Set(answers), new Set([undefined]));
});

test('identities are frozen to the ground, and one that was given out is told from a copy', (t) => {
  const table = peerTable(t, [
    { id: 'alice', fingerprints: [vectorFingerprint], scopes: ['a'], resources: { repo: ['x'] } },
  ]);
  const identity = table.resolveFingerprint(vectorFingerprint);
  assert.ok(identity);
  for (const part of [identity, identity.scopes, identity.resources, identity.resources['repo']]) {
    assert.equal(Object.isFrozen(part), true);
  }
  assert.equal(table.isGivenOut(identity), true);
  assert.equal(table.isGivenOut({ ...identity }), false);
  table.swap(entriesOf([]), '2');
  assert.equal(table.isGivenOut(identity), true, 'given out before the change');
});

test('listings have no token hash, and cannot change the table', (t) => {
  const table = peerTable(t, [{ id: 'alice', tokenHash: vectorTokenHash, scopes: ['a'] }]);
  const [entry] = table.peers();
  assert.equal(JSON.stringify(table.peers()).includes('sha256'), false);
  assert.ok(entry);
  assert.throws(() => (entry.scopes as string[]).push('admin'), TypeError);
  assert.equal(table.hasToken('alice'), true);
});

test('a change tells who has lost what, and nothing of the others', (t) => {
  const key = (digit: string) => `ed25519:${digit.repeat(64)}`;
  const [oldToken, newToken] = [tokenHash(makeToken()), tokenHash(makeToken())];
  const before = [
    { id: 'stays', fingerprints: [key('0')], scopes: ['a'] },
    { id: 'removed', fingerprints: [key('1')] },
    { id: 'disabled', fingerprints: [key('2')] },
    { id: 'expired', fingerprints: [key('3')] },
    { id: 'rotated', fingerprints: [key('4'), key('5')] },
    { id: 'token', tokenHash: oldToken },
    { id: 'moved', fingerprints: [key('6')] },
    { id: 'was disabled', fingerprints: [key('7')], enabled: false },
  ].map((entry) => ({ ...entry, id: entry.id.replace(' ', '-') }));
  const after = [
    { id: 'stays', fingerprints: [key('0'), key('8')], scopes: ['b'] },
    { id: 'disabled', fingerprints: [key('2')], enabled: false },
    { id: 'expired', fingerprints: [key('3')], expiresAt: '2020-01-01T00:00:00Z' },
    { id: 'rotated', fingerprints: [key('5')] },
    { id: 'token', tokenHash: newToken },
    { id: 'moved' },
    { id: 'thief', fingerprints: [key('6')] },
    { id: 'was-disabled', fingerprints: [key('7')], enabled: false },
  ];
  const table = peerTable(t, before);
  const changes: PeerChange[] = [];
  const stop = table.onChange((change) => changes.push(change));
  table.swap(entriesOf(after), '2');
  assert.deepEqual(changes, [
    {
      revision: '2',
      losses: [
        { id: 'removed', reason: 'removed', credentials: [] },
        { id: 'disabled', reason: 'disabled', credentials: [] },
        { id: 'expired', reason: 'expired', credentials: [] },
        { id: 'rotated', reason: 'credential', credentials: [key('4')] },
        { id: 'token', reason: 'credential', credentials: [oldToken] },
        { id: 'moved', reason: 'credential', credentials: [key('6')] },
      ],
    },
  ]);
  table.swap(entriesOf(after), '3');
  assert.deepEqual(changes.at(-1), { revision: '3', losses: [] });
  stop();
  table.swap([], '4');
  assert.equal(changes.length, 2);
});

test('an expiry is told once, when it comes, without a change of the file', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.parse('2026-06-01T00:00:00Z') });
  const hour = 3_600_000;
  const table = peerTable(t, [
    { id: 'soon', fingerprints: [vectorFingerprint], expiresAt: '2026-06-01T01:00:00Z' },
    { id: 'later', fingerprints: [otherFingerprint], expiresAt: '2026-07-01T00:00:00Z' },
    { id: 'never' },
  ]);
  const lost: string[] = [];
  table.onChange(({ losses }) => lost.push(...losses.map(({ id, reason }) => `${id} ${reason}`)));
  t.mock.timers.tick(hour - 1);
  assert.deepEqual(lost, []);
  t.mock.timers.tick(1);
  assert.deepEqual(lost, ['soon expired']);
  assert.equal(table.resolveFingerprint(vectorFingerprint), undefined);
  t.mock.timers.tick(30 * 24 * hour);
  assert.deepEqual(lost, ['soon expired', 'later expired']);
});

test('a longer life is heeded, and one that has ended is not told twice', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.parse('2026-06-01T00:00:00Z') });
  const entry = (expiresAt: string) =>
    entriesOf([{ id: 'guest', fingerprints: [vectorFingerprint], expiresAt }]);
  const table = peerTable(t, []);
  const lost: string[] = [];
  table.onChange(({ losses }) => lost.push(...losses.map(({ id }) => id)));
  table.swap(entry('2026-06-01T00:00:10Z'), '1');
  table.swap(entry('2026-06-01T00:00:20Z'), '2');
  t.mock.timers.tick(15_000);
  assert.deepEqual(lost, []);
  assert.equal(table.resolveFingerprint(vectorFingerprint)?.id, 'guest');
  t.mock.timers.tick(5_000);
  assert.deepEqual(lost, ['guest']);
  table.swap(entry('2026-06-01T00:00:20Z'), '3');
  assert.deepEqual(lost, ['guest']);
});
