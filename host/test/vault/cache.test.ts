import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawKey } from '../../src/vault/derive.ts';
import { IDENTITY, SSH_HOST, Vault } from '../../src/vault/index.ts';
import { KeyCache } from '../../src/vault/key-cache.ts';
import { phrase, unlocked } from './support.ts';

const hour = 3_600_000;

function rawKey(): RawKey {
  const full = () => new Uint8Array(32).fill(0xaa);
  return { privateKey: full(), publicKey: full(), chainCode: full() };
}

const isWiped = ({ privateKey, chainCode }: RawKey) =>
  [...privateKey, ...chainCode].every((byte) => byte === 0);

/** A cache of the default size, its clock, and the keys `0` to `n - 1` in it. */
function filled(n: number) {
  const clock = { now: 0 };
  const cache = new KeyCache(() => clock.now);
  const keys = Array.from({ length: n }, rawKey);
  for (const [i, key] of keys.entries()) cache.set(`${i}`, key);
  return { cache, clock, keys };
}

test('VLT-28 a cached key expires 3600 s after it was put in, however often it is used', () => {
  const { cache, clock, keys } = filled(1);
  for (clock.now = 0; clock.now <= hour; clock.now += hour / 100) assert.equal(cache.get('0'), keys[0]);
  clock.now = hour;
  assert.equal(cache.get('0'), keys[0]);
  clock.now = hour + 1;
  assert.equal(cache.get('0'), undefined);
  assert.equal(cache.size, 0);
});

test('VLT-28 evictExpired removes what is too old and nothing else', () => {
  const clock = { now: 0 };
  const vault = new Vault({ now: () => clock.now });
  vault.unlock(phrase);
  vault.deriveEd25519(IDENTITY);
  clock.now = hour / 2;
  vault.deriveEd25519(SSH_HOST);
  clock.now = hour + 1;
  vault.evictExpired();
  assert.equal(vault.cached, 1);
  vault.deriveEd25519(SSH_HOST);
  assert.equal(vault.cached, 1, 'the younger one is there still');
});

test('VLT-29 a full cache evicts the least recently used entry', () => {
  const { cache } = filled(64);
  cache.set('64', rawKey());
  assert.equal(cache.size, 64);
  assert.equal(cache.get('0'), undefined);
  assert.ok(cache.get('1'));
});

test('VLT-29 a hit makes an entry the most recently used', () => {
  const { cache } = filled(64);
  cache.get('0');
  cache.set('64', rawKey());
  assert.ok(cache.get('0'));
  assert.equal(cache.get('1'), undefined);
});

test('VLT-29 a key put in again replaces its own entry and evicts no other', () => {
  const { cache, keys } = filled(64);
  const key = rawKey();
  cache.set('0', key);
  assert.equal(cache.size, 64);
  assert.equal(cache.get('0'), key);
  for (let i = 1; i < 64; i++) assert.equal(cache.get(`${i}`), keys[i]);
});

test('VLT-29 the handle keeps 64 keys', () => {
  const vault = unlocked();
  for (let n = 0; n < 70; n++) vault.deriveEd25519(`m/${n}'`);
  assert.equal(vault.cached, 64);
});

test('VLT-30 bytes of evicted, expired, replaced and cleared entries are zero', () => {
  const { cache, clock, keys } = filled(64);
  const [evicted, replaced, expired, swept] = keys as [RawKey, RawKey, RawKey, RawKey];
  cache.set('64', rawKey());
  assert.equal(isWiped(evicted), true, 'evicted');
  assert.equal(isWiped(replaced), false);
  cache.set('1', rawKey());
  assert.equal(isWiped(replaced), true, 'replaced');
  clock.now = hour + 1;
  assert.equal(isWiped(expired), false);
  cache.get('2');
  assert.equal(isWiped(expired), true, 'expired at a look-up');
  cache.evictExpired();
  assert.equal(isWiped(swept), true, 'expired and swept');
  const left = rawKey();
  cache.set('left', left);
  cache.clear();
  assert.equal(isWiped(left), true, 'cleared');
});

test('VLT-32 a key handed out survives eviction and lock, and dies by its own dispose', () => {
  const vault = new Vault({ cacheSize: 1 });
  vault.unlock(phrase);
  const key = vault.deriveEd25519(IDENTITY);
  const twin = vault.deriveEd25519(IDENTITY);
  const before = { privateKey: key.privateKey.slice(), chainCode: key.chainCode.slice() };
  vault.deriveEd25519(SSH_HOST);
  vault.lock();
  assert.deepEqual(key.privateKey, before.privateKey);
  assert.deepEqual(key.chainCode, before.chainCode);

  const { privateKey, chainCode } = key;
  key.dispose();
  assert.ok([...privateKey, ...chainCode].every((byte) => byte === 0));
  assert.throws(() => key.privateKey, /disposed/);
  assert.throws(() => key.chainCode, /disposed/);
  assert.deepEqual(twin.privateKey, before.privateKey, 'a copy of its own');
});

test('VLT-32 wiping a key handed out does not touch the cache', () => {
  const vault = unlocked();
  const first = vault.deriveEd25519(IDENTITY);
  const copy = first.privateKey.slice();
  first[Symbol.dispose]();
  assert.deepEqual(vault.deriveEd25519(IDENTITY).privateKey, copy);
});
