import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePeer } from '../../src/endpoint/target.ts';
import { targetOf } from '../../src/node/target.ts';

const hex = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const key = `ed25519:${hex}`;

test('a PEER is an alias, a key, a host with or without port and pin, or local', () => {
  assert.deepEqual(parsePeer('local'), { kind: 'local' });
  assert.deepEqual(parsePeer('laptop'), { kind: 'name', name: 'laptop', port: 4433 });
  assert.deepEqual(parsePeer('node.example'), { kind: 'name', name: 'node.example', port: 4433 });
  for (const text of [hex, hex.toUpperCase(), key])
    assert.deepEqual(parsePeer(text), { kind: 'key', fingerprint: key });
  const host = (host: string, port = 4433, pin: string | null = null) => ({ kind: 'host', host, port, pin });
  assert.deepEqual(parsePeer('node.example:99'), host('node.example', 99));
  assert.deepEqual(parsePeer('192.0.2.1'), host('192.0.2.1'));
  assert.deepEqual(parsePeer('[2001:db8::1]:99'), host('2001:db8::1', 99));
  assert.deepEqual(parsePeer('[::1]'), host('::1'));
  assert.deepEqual(parsePeer(`laptop#${key}`), host('laptop', 4433, key));
  const colons = (hex.match(/../g) ?? []).join(':').toUpperCase();
  assert.deepEqual(parsePeer(`h:1#SHA256:${colons}`), host('h', 1, `SHA256:${hex}`));
});

test('a key may be written in z-base-32, in one form only', () => {
  // 32 zero bytes are 52 times the first letter of the alphabet.
  assert.deepEqual(parsePeer('y'.repeat(52)), { kind: 'key', fingerprint: `ed25519:${'00'.repeat(32)}` });
  assert.equal(parsePeer(`${'y'.repeat(51)}o`).kind, 'key');
  assert.equal(parsePeer(`${'y'.repeat(51)}b`).kind, 'name', 'the four bits beyond the key are zero');
});

test('what is no PEER is refused with what was expected', () => {
  for (const [text, expected] of [
    ['::1', /brackets/],
    ['[nonsense]:1', /only an IPv6 address/],
    ['host:0', /1 to 65535/],
    ['host:99999', /1 to 65535/],
    ['host#abc', /the pin is/],
    ['host#a#b', /one "#"/],
    ['ho st', /no host name/],
    ['', /expected host/],
  ] as const) {
    assert.throws(() => parsePeer(text), expected, text);
  }
});

test('a key alone is dialled where the address book has it, with that key as its pin', () => {
  const z32 = 'y'.repeat(52);
  const bob = {
    id: 'bob',
    fingerprints: [key],
    scopes: [],
    resources: {},
    enabled: true,
    createdAt: '2026-01-01T00:00:00Z',
    addresses: ['node.example:99'],
  };
  const book = {
    entry: () => undefined,
    owner: (fingerprint: string) => (fingerprint === key ? bob : undefined),
  };
  assert.deepEqual(targetOf(hex, undefined, book), {
    name: hex,
    addresses: [{ host: 'node.example', port: 99 }],
    pins: [key],
  });
  assert.throws(
    () => targetOf(z32, undefined, book),
    /no address is known for this key; give host:port#ed25519:00/,
  );
});
