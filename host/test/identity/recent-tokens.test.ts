import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentTokens } from '../../src/identity/recent-tokens.ts';

const ann = Object.freeze({ id: 'ann', scopes: [], resources: {} });

test('a token is remembered for the connection that used it, and for no other', () => {
  const recent = new RecentTokens();
  const here = { address: '192.0.2.1', port: 1 };
  recent.set(here, 'alk_one', ann);
  assert.equal(recent.get(here, 'alk_one'), ann);
  assert.equal(recent.get(here, 'alk_two'), undefined);
  // The same place, and not the same connection.
  assert.equal(recent.get({ ...here }, 'alk_one'), undefined);
});

test('a token is forgotten after a second, and at once when the peers change', (t) => {
  let now = 5000;
  t.mock.method(performance, 'now', () => now);
  const recent = new RecentTokens();
  const here = { address: '192.0.2.1', port: 1 };
  recent.set(here, 'alk_one', ann);
  now += 999;
  assert.equal(recent.get(here, 'alk_one'), ann);
  now += 1;
  assert.equal(recent.get(here, 'alk_one'), undefined);
  recent.set(here, 'alk_one', ann);
  recent.clear();
  assert.equal(recent.get(here, 'alk_one'), undefined);
});
