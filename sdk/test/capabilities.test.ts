import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Capabilities } from '../src/capabilities.ts';

const pair = { privateKey: Uint8Array.of(1, 2, 3), publicKey: Uint8Array.of(4) };
const granted = () =>
  new Capabilities({ 'ssh.hostKey': () => pair })
    .withApiKey('weather', 'sk-weather')
    .withHttpToken('forge', 'ghp-forge');

test('VLT-62 capabilities cannot be serialised, alone or inside something', () => {
  for (const value of [granted(), { context: { capabilities: granted() } }, [granted()]]) {
    assert.throws(() => JSON.stringify(value), /Capabilities/);
  }
});

test('VLT-62 members cannot be assigned, deleted or added', () => {
  const capabilities = granted();
  const writable = capabilities as unknown as Record<string, unknown>;
  assert.throws(() => {
    writable['get'] = () => 'forged';
  }, TypeError);
  assert.throws(() => {
    writable['extra'] = 1;
  }, TypeError);
  assert.throws(() => Object.defineProperty(capabilities, 'has', { value: () => true }), TypeError);
  assert.throws(() => Object.setPrototypeOf(capabilities, {}), TypeError);
  assert.throws(() => {
    (Capabilities.prototype as unknown as Record<string, unknown>)['get'] = () => 'forged';
  }, TypeError);
  assert.throws(() => {
    delete (Capabilities.prototype as unknown as Record<string, unknown>)['get'];
  }, TypeError);
  assert.equal(capabilities.get('weather'), 'sk-weather');
});

test('VLT-62 structuredClone carries no value, and inspection shows names only', () => {
  const capabilities = granted();
  const views = [
    inspect(capabilities),
    inspect({ nested: capabilities }),
    inspect(capabilities, { showHidden: true, customInspect: false, depth: 9 }),
    inspect(structuredClone(capabilities), { depth: 9 }),
    String(capabilities),
  ];
  for (const view of views) assert.doesNotMatch(view, /sk-|ghp-|1, 2, 3/);
  assert.equal(inspect(capabilities), 'Capabilities { forge, ssh.hostKey, weather }');
});

test('VLT-63 disposing of one copy does not disturb another, and a disposed one throws', () => {
  const original = granted();
  const clone = original.clone();
  const more = original.withApiKey('extra', 'value');
  original.dispose();
  for (const use of [
    () => original.get('weather'),
    () => original.has('weather'),
    () => original.names(),
    () => original.clone(),
    () => original.key('ssh.hostKey'),
    () => original.withApiKey('a', 'b'),
    () => original.withHttpToken('a', 'b'),
  ]) {
    assert.throws(use, /disposed/);
  }
  assert.equal(clone.get('weather'), 'sk-weather');
  assert.equal(more.get('forge'), 'ghp-forge');
  clone[Symbol.dispose]();
  assert.throws(() => clone.get('weather'), /disposed/);
  assert.equal(more.get('extra'), 'value');
  assert.match(inspect(original), /disposed/);
});

test('a value added makes a new object, and an API key goes before a token of its name', () => {
  const none = new Capabilities();
  const one = none.withHttpToken('name', 'token');
  const both = one.withApiKey('name', 'key');
  assert.equal(none.get('name'), undefined);
  assert.equal(none.has('name'), false);
  assert.equal(one.get('name'), 'token');
  assert.equal(both.get('name'), 'key');
  assert.deepEqual(both.names(), ['name']);
  assert.equal(granted().key('ssh.hostKey')?.(), pair);
  assert.equal(granted().get('ssh.hostKey'), undefined);
  assert.equal(granted().get('constructor'), undefined);
});
