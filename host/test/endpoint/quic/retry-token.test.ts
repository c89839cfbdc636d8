import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { RetryTokens } from '../../../src/endpoint/quic/retry-token.ts';

const remote = { address: '192.0.2.1', port: 4000 };
const original = randomBytes(8);
const chosen = randomBytes(16);
const life = 10_000;
const hour = 3_600_000;

test('a Retry token gives the original id back to the same address, ids and time only', () => {
  const tokens = new RetryTokens(0);
  const token = tokens.seal(remote, original, chosen, 0);
  assert.deepEqual(tokens.open(token, remote, chosen, life, life), original);
  assert.equal(tokens.open(token, remote, chosen, life + 1, life), undefined);
  assert.equal(tokens.open(token, { ...remote, port: 4001 }, chosen, 1, life), undefined);
  assert.equal(tokens.open(token, { ...remote, address: '192.0.2.11' }, chosen, 1, life), undefined);
  assert.equal(tokens.open(token, remote, randomBytes(16), 1, life), undefined);
  assert.equal(new RetryTokens(0).open(token, remote, chosen, 1, life), undefined);
});

test('a Retry token with any byte changed, cut or added does not open', () => {
  const tokens = new RetryTokens(0);
  const token = tokens.seal(remote, original, chosen, 0);
  for (let at = 0; at < token.length; at++) {
    const spoiled = Buffer.from(token);
    spoiled[at] = (spoiled[at] ?? 0) ^ 1;
    assert.equal(tokens.open(spoiled, remote, chosen, 1, life), undefined, `byte ${at}`);
    assert.equal(tokens.open(token.subarray(0, at), remote, chosen, 1, life), undefined, `${at} bytes`);
  }
  assert.equal(tokens.open(Buffer.concat([token, Buffer.alloc(1)]), remote, chosen, 1, life), undefined);
  assert.equal(tokens.open(Buffer.alloc(5000), remote, chosen, 1, life), undefined);
});

test('the key of Retry tokens changes hourly, and the previous one opens for a token life', () => {
  const tokens = new RetryTokens(0);
  const old = tokens.seal(remote, original, chosen, hour);
  const now = hour + 1000;
  const fresh = tokens.seal(remote, original, chosen, now);
  assert.deepEqual(tokens.open(old, remote, chosen, now, life), original);
  assert.deepEqual(tokens.open(fresh, remote, chosen, now, life), original);
  tokens.seal(remote, original, chosen, now + hour + 1000);
  assert.equal(tokens.open(old, remote, chosen, now + 1, 10 * hour), undefined);
});

test('address and port of a Retry token cannot run into each other', () => {
  const tokens = new RetryTokens(0);
  const token = tokens.seal({ address: '192.0.2.1', port: 12 }, original, chosen, 0);
  assert.equal(tokens.open(token, { address: '192.0.2.11', port: 2 }, chosen, 1, life), undefined);
});
