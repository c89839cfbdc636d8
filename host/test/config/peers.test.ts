import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, refused } from './support.ts';

const told = (config: unknown) =>
  refused(JSON.stringify(config)).map(({ pointer, message }) => [pointer, message]);
const address = { addresses: ['127.0.0.1:1'] };

test('CFG-43 colliding prefixes, exports and addresses are refused, and both places are named', () => {
  const nested = {
    peers: { a: { ...address, import: true }, b: { ...address, import: { prefix: 'a/b/' } } },
  };
  assert.deepEqual(told(nested), [
    ['/peers/b/import', 'the prefix a/b/ collides with a/ of peer a; give another import.prefix'],
  ]);
  const ofPlugin = { plugins: { acme: true }, peers: { acme: { ...address, import: true } } };
  assert.match(
    String(told(ofPlugin)),
    /\/peers\/acme\/import,the prefix acme\/ begins with acme, which is a plugin/,
  );
  for (const service of ['host', 'services', 'vault', 'local', 'peer', 'session']) {
    const reserved = { peers: { x: { ...address, import: { prefix: `${service}/x/` } } } };
    assert.match(String(told(reserved)), /reserved/, service);
  }
  const twice = {
    export: [
      { operations: 'w/a', as: 'out/x', access: 'public' },
      { operations: 'w/b', as: 'out/x', access: 'public' },
    ],
  };
  assert.deepEqual(told(twice), [['/export/1', 'out/x is exported twice, by export.0 and export.1']]);
  const own = { plugins: { call: true, clock: true }, export: [{ operations: 'clock/*', access: 'public' }] };
  assert.match(String(told(own)), /\/export\/0\/operations,clock\/\* belongs to the plugin clock/);
  const listen = { listen: { quic: ['127.0.0.1:4433', '127.0.0.1:4433'] } };
  assert.match(String(told(listen)), /127\.0\.0\.1:4433 stands in the list twice, at 0 and 1/);
  const pin = `ed25519:${'0'.repeat(64)}`;
  const pins = { peers: { a: { fingerprints: [pin], peer: 'x' }, b: { fingerprints: [pin], peer: 'y' } } };
  assert.deepEqual(told(pins), [
    ['/peers/b/fingerprints/0', 'this pin stands under a too, with another peer'],
  ]);
});

test('an alias that cannot begin a name needs a prefix, and an import without more has the alias as its own', () => {
  assert.match(String(told({ peers: { 'W.1': { ...address, import: true } } })), /"W.1" cannot begin a name/);
  const { config } = accepted(JSON.stringify({ peers: { 'W.1': { ...address, import: { prefix: 'w/' } } } }));
  assert.deepEqual(config.peers['W.1']?.import, { prefix: 'w/', include: ['*'], exclude: [] });
});
