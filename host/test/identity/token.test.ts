import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { makeToken, tokenHash } from '../../src/identity/index.ts';
import { findByToken, hashBytes } from '../../src/identity/token.ts';
import { entriesOf, peerTable, vectorToken, vectorTokenHash } from './support.ts';

test('IDN-21 a made token has the form, carries 256 bits, and resolves', (t) => {
  const tokens = Array.from({ length: 50 }, makeToken);
  for (const token of tokens) {
    assert.match(token, /^alk_[A-Za-z0-9_-]{22,252}$/);
    assert.equal(token.length, 47);
    assert.equal(Buffer.from(token.slice(4), 'base64url').length, 32);
  }
  assert.equal(new Set(tokens).size, tokens.length);
  const table = peerTable(
    t,
    tokens.map((token, i) => ({ id: `peer-${i}`, tokenHash: tokenHash(token) })),
  );
  for (const [i, token] of tokens.entries()) assert.equal(table.resolveToken(token)?.id, `peer-${i}`);
});

test('IDN-23 the token vector resolves against its hash', (t) => {
  assert.equal(tokenHash(vectorToken), vectorTokenHash);
  const table = peerTable(t, [{ id: 'vector', tokenHash: vectorTokenHash }]);
  assert.equal(table.resolveToken(vectorToken)?.id, 'vector');
});

test('IDN-24 a new token ends the old one at once, and a revoked one resolves to nothing', (t) => {
  const [first, second] = [makeToken(), makeToken()];
  const table = peerTable(t, [{ id: 'peer', tokenHash: tokenHash(first) }]);
  assert.equal(table.resolveToken(first)?.id, 'peer');
  table.swap(entriesOf([{ id: 'peer', tokenHash: tokenHash(second) }]), '2');
  assert.equal(table.resolveToken(first), undefined);
  assert.equal(table.resolveToken(second)?.id, 'peer');
  table.swap(entriesOf([{ id: 'peer' }]), '3');
  assert.equal(table.resolveToken(second), undefined);
  assert.equal(table.resolvePeer('peer')?.id, 'peer');
});

test('IDN-25 tokens out of form resolve to nothing and disturb nothing', (t) => {
  const table = peerTable(t, [{ id: 'vector', tokenHash: vectorTokenHash }]);
  const body = vectorToken.slice(4);
  const tokens = [
    '',
    'alk_',
    body,
    vectorToken.slice(0, -1),
    vectorToken.toUpperCase(),
    `${vectorToken} `,
    `${vectorToken}\n`,
    ` ${vectorToken}`,
    `alk_${'a'.repeat(21)}`,
    `alk_${'a'.repeat(253)}`,
    `alk_${'a'.repeat(8 * 1024 * 1024)}`,
    `alk_${body.slice(1)}ä`,
    `alk_${body.slice(1)}+`,
    Buffer.from([0x61, 0x6c, 0x6b, 0x5f, ...Array<number>(43).fill(0xff)]).toString('utf8'),
    Buffer.from([0x61, 0x6c, 0x6b, 0x5f, ...Array<number>(43).fill(0xff)]).toString('latin1'),
  ];
  for (const token of tokens) assert.equal(table.resolveToken(token), undefined, token.slice(0, 60));
  assert.equal(table.resolveToken(vectorToken)?.id, 'vector');
});

test('IDN-26 every entry is compared by a constant-time primitive, also after a match', (t) => {
  const compare = t.mock.method(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const hashes = [vectorTokenHash, ...Array.from({ length: 9 }, () => tokenHash(makeToken()))];
  const entries = hashes.map((hash, i) => ({ hash: hashBytes(hash), entry: i }));
  assert.equal(findByToken(vectorToken, entries), 0);
  assert.equal(compare.mock.callCount(), hashes.length);
  assert.deepEqual(
    new Set(compare.mock.calls.map((call) => Buffer.from(call.arguments[1] as Uint8Array).toString('hex'))),
    new Set(hashes.map((hash) => hash.slice('sha256:'.length))),
  );
  assert.equal(findByToken(makeToken(), entries), undefined);
  assert.equal(compare.mock.callCount(), 2 * hashes.length);
});
