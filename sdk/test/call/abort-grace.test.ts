// Alone in its file: deadlines share timers, and one that was armed before the timers are mocked stays a real one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveOperations } from '../../src/index.ts';
import { echo } from './operations.ts';
import { frame, rawCaller, requested, settle } from './support.ts';

test('a handler that never settles frees slot and id 5 s after its abort', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const never = serveOperations([{ ...echo, handler: () => new Promise(() => {}) }]);
  const { peer, session } = rawCaller(t, { serve: never });
  const stream = await peer.open();
  stream.send(requested('a', 'test/echo'));
  await settle();
  stream.send(frame('call.aborted', 'a'));
  await stream.one();
  assert.equal(session.stats.serving, 1);
  const real = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => real() + 5100);
  t.mock.timers.tick(5100);
  assert.equal(session.stats.serving, 0);
});
