import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionTable } from '../../src/mcp/session-table.ts';

function table(sessions: number, idle = 1000) {
  const ended: string[] = [];
  return { ended, table: new SessionTable<string>({ sessions, idle }, (session) => ended.push(session)) };
}

test("another's session is as one that does not exist", () => {
  const { table: sessions } = table(10);
  sessions.add('id', 'session', 'ada', 0);
  assert.equal(sessions.find('id', 'ada', 1)?.session, 'session');
  assert.equal(sessions.find('id', 'grace', 1), undefined);
  assert.equal(sessions.find('id', null, 1), undefined);
});

test('an idle session ends, one with an open request does not', () => {
  const { table: sessions, ended } = table(10);
  sessions.add('idle', 'idle', 'ada', 0);
  sessions.add('busy', 'busy', 'ada', 0);
  const busy = sessions.find('busy', 'ada', 0);
  assert.ok(busy);
  busy.open++;
  assert.equal(sessions.find('idle', 'ada', 999)?.session, 'idle');
  sessions.sweep(1000);
  assert.deepEqual(ended, ['idle']);
  assert.equal(sessions.size, 1);
});

test('in a full table the longest idle session makes room', () => {
  const { table: sessions, ended } = table(3);
  for (const [time, id] of ['a', 'b', 'c'].entries()) sessions.add(id, id, 'ada', time);
  const first = sessions.find('a', 'ada', 5);
  assert.ok(first);
  first.lastUsed = 5;
  sessions.add('d', 'd', 'ada', 6);
  assert.deepEqual(ended, ['b']);
});

test('sessions of nobody push no session of a known caller out', () => {
  const { table: sessions, ended } = table(3);
  sessions.add('mine', 'mine', 'ada', 0);
  for (let n = 1; n < 100; n++) sessions.add(`n${n}`, `n${n}`, null, n);
  assert.equal(sessions.find('mine', 'ada', 100)?.session, 'mine');
  assert.equal(sessions.size, 3);
  assert.equal(ended.length, 97);
});
