import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveOperations } from '../../src/index.ts';
import { all, count, echo } from './operations.ts';
import { frame, latch, limits, rawCallee, rawCaller, requested, settle, until } from './support.ts';

const serve = serveOperations(all);

test('CALL-63 with 256 slow requests running the 257th waits, and an abort behind it is obeyed meanwhile', async (t) => {
  const gates: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const slow = {
    ...echo,
    handler: async (input: unknown, { signal }: { signal: AbortSignal }) => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => {
        gates.push(resolve);
        signal.addEventListener('abort', () => resolve());
      });
      running--;
      return input;
    },
  };
  const { peer, session } = rawCaller(t, { serve: serveOperations([slow]) });
  const stream = await peer.open();
  const other = await peer.open();
  for (let n = 0; n < 258; n++) stream.send(requested(`${n}`, 'test/echo', n));
  await until(() => session.stats.serving === 258);
  assert.equal(running, 256);
  // Behind the held requests: one that runs on the same stream, one that is held on another.
  stream.send(frame('call.aborted', '257'));
  other.send(frame('call.aborted', '0'));
  await stream.frames(2);
  assert.deepEqual(stream.seen.map(({ type, id }) => `${type} ${id}`).sort(), [
    'call.aborted 0',
    'call.aborted 257',
  ]);
  // The slot of the aborted one goes to the 257th.
  await until(() => gates.length === 257);
  assert.equal(session.stats.serving, 256);
  for (const open of gates) open();
  await stream.frames(258);
  assert.equal(stream.of('256')[0]?.type, 'call.responded');
  assert.equal(most, 256);
});

test('CALL-63 of 10 000 requests at once none is lost, and no more than twice the limit is held', async (t) => {
  let held = 0;
  const { peer, session } = rawCaller(t, {
    serve: serveOperations([
      {
        ...echo,
        handler: async (input) => {
          held = Math.max(held, session.stats.serving);
          await new Promise((resolve) => setImmediate(resolve));
          return input;
        },
      },
    ]),
    limits: limits({ callsPerConnection: 50 }),
  });
  const streams = await Promise.all(Array.from({ length: 10 }, () => peer.open()));
  for (let n = 0; n < 10_000; n++) streams[n % 10]?.send(requested(`${n}`, 'test/echo', n));
  for (const stream of streams) {
    await stream.frames(1000);
    for (const { id, payload } of stream.seen) assert.deepEqual(payload, { output: Number(id) });
  }
  assert.ok(held <= 100, `${held} requests in the hands of the session`);
});

test('CALL-63 our caller keeps 4096 requests outstanding, and the rest waits its turn', async (t) => {
  const { session, peer } = rawCallee(t);
  const calls = Array.from({ length: 4100 }, (_, n) => session.call('a/b', n));
  const stream = await peer.accepted();
  await stream.frames(4096);
  await settle();
  assert.equal(stream.seen.length, 4096);
  stream.send(
    ...stream.seen.map(({ id, payload }) => frame('call.responded', id, { output: payload['input'] })),
  );
  await stream.frames(4100);
  stream.send(
    ...stream.seen
      .slice(4096)
      .map(({ id, payload }) => frame('call.responded', id, { output: payload['input'] })),
  );
  assert.deepEqual(await Promise.all(calls), [...calls.keys()]);
});

test('CALL-64 the 257th subscription is refused with an error, and the 256 go on', async (t) => {
  const gate = latch();
  let started = 0;
  const source = serveOperations([
    {
      ...count,
      async *handler() {
        started++;
        yield 1;
        await gate.promise;
        yield 2;
      },
    },
  ]);
  const { peer, session } = rawCaller(t, { serve: source });
  const stream = await peer.open();
  for (let n = 0; n < 257; n++) stream.send(requested(`${n}`, 'test/count', { to: 1 }, { window: 0 }));
  await stream.frames(257);
  assert.deepEqual(stream.of('256'), [
    {
      type: 'call.error',
      id: '256',
      payload: { code: 'INTERNAL', message: 'too many subscriptions', retryable: false },
    },
  ]);
  assert.equal(started, 256);
  assert.equal(session.stats.subscriptionsServed, 256);
  gate.resolve();
  await stream.frames(257 + 2 * 256);
  for (let n = 0; n < 256; n++) {
    assert.deepEqual(
      stream.of(`${n}`).map(({ type }) => type),
      ['call.responded', 'call.responded', 'call.completed'],
    );
  }
});

test('a request that is held can be aborted, and a stopped stream is read again when room comes', async (t) => {
  const { peer, session } = rawCaller(t, { serve, limits: limits({ callsPerConnection: 1 }) });
  const stopped = await peer.open();
  const other = await peer.open();
  stopped.send(
    requested('run', 'test/wait'),
    requested('held', 'test/wait'),
    requested('beyond', 'test/wait'),
  );
  await until(() => session.stats.serving === 2);
  other.send(frame('call.aborted', 'held'));
  await stopped.until(() => stopped.of('held').length === 1);
  await until(() => session.stats.serving === 2);
  other.send(frame('call.aborted', 'beyond'), frame('call.aborted', 'run'));
  await stopped.frames(3);
  assert.ok(stopped.seen.every(({ type }) => type === 'call.aborted'));
});
