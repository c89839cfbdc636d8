/** What one client can hold, and for how long. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { eventually, processesOn, pushing, startedWithApp } from './support.ts';

test('GIT-23 a push that stalls is ended at the idle limit', async (t) => {
  const { node, ada } = await startedWithApp(t, { push: { enabled: true, idleTimeout: '300ms' } });
  const connection = await ada.dial();
  t.after(() => connection.close());
  const stream = await open(connection, line('git-receive-pack /app.git\0'));
  const begun = performance.now();
  const text = await answer(stream);
  assert.match(text, /refs\/heads\/main/);
  const took = performance.now() - begun;
  assert.ok(took >= 300 && took < 10_000, `${took} ms`);
  await eventually('git has ended', () => processesOn(node).length === 0);
  await eventually('nothing is left', async () => (await node.leftovers('app')).length === 0);
  // A long one that never stalls is ended too.
  await node.configure({ push: { enabled: true, timeout: '500ms' } });
  const slow = await open(connection, line('git-receive-pack /app.git\0'));
  await answer(slow);
  await eventually('git has ended', () => processesOn(node).length === 0);
});

test('a client that says nothing, or never reads, holds nothing for longer than the limits', async (t) => {
  const { node, ada } = await startedWithApp(t, { ...pushing, idleTimeout: '1s' });
  const connection = await ada.dial();
  t.after(() => connection.close());
  const silent = await open(connection, line('git-upload-pack /app.git\0'));
  await answer(silent);
  await eventually('git has ended', () => processesOn(node).length === 0);
});

test('GIT-30 the ninth concurrent run of one identity waits and then gets busy', async (t) => {
  const { node, ada } = await startedWithApp(t);
  const bob = await node.client('bob', ['git:read:**']);
  const connection = await ada.dial();
  t.after(() => connection.close());
  const held = await Promise.all(
    Array.from({ length: 8 }, () => open(connection, line('git-upload-pack /app.git\0\0version=2\0'))),
  );
  await Promise.all(held.map((stream) => answer(stream, 18)));
  assert.equal(processesOn(node).length, 8);
  const begun = performance.now();
  const ninth = answer(await open(connection, line('git-upload-pack /app.git\0')));
  // Another identity has its own.
  assert.equal((await bob.try(['ls-remote', bob.url('app')])).code, 0);
  assert.equal(await ninth, '0017ERR busy, try again');
  assert.ok(performance.now() - begun >= 9_900);
  const tenth = open(connection, line('git-upload-pack /app.git\0\0version=2\0'));
  held[0]?.destroy();
  assert.match(await answer(await tenth, 18), /^000eversion 2\n/);
});

test('a flood of sessions starts no more processes than the limits say, and the node stays up', async (t) => {
  const { node, ada } = await startedWithApp(t, { ...pushing, maxProcesses: { total: 4, perIdentity: 3 } });
  const connection = await ada.dial();
  const streams = await Promise.all(
    Array.from({ length: 60 }, () => open(connection, line('git-upload-pack /app.git\0'))),
  );
  let most = 0;
  await eventually('three run', () => {
    most = Math.max(most, processesOn(node).length);
    return most === 3;
  });
  assert.equal(processesOn(node).length, 3);
  for (const stream of streams) stream.destroy();
  connection.close();
  await eventually('all have ended', () => processesOn(node).length === 0);
  await ada.git(['clone', '--quiet', ada.url('app'), 'copy']);
});

test('in protocol 2 a silent client is let go too, between two commands with a good end', async (t) => {
  const { node, ada } = await startedWithApp(t, { ...pushing, idleTimeout: '1s' });
  const connection = await ada.dial();
  t.after(() => connection.close());
  const request = line('git-upload-pack /app.git\0\0version=2\0');
  const listed = await open(
    connection,
    Buffer.concat([request, line('command=ls-refs\n'), Buffer.from('0000')]),
  );
  assert.match(await answer(listed), / refs\/heads\/main\n0000$/);
  assert.ok(listed.readableEnded, 'as at the end of a fetch whose client is still at work on its pack');
  const half = await open(connection, Buffer.concat([request, line('command=fetch\n'), Buffer.from('0001')]));
  await answer(half);
  await eventually('git has ended', () => processesOn(node).length === 0);
});
