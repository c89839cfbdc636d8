import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { armedMoments, deadline } from '../../src/call/deadlines.ts';
import { CallError, defineOperation, serveOperations } from '../../src/index.ts';
import { all, echo } from './operations.ts';
import {
  frame,
  latch,
  limits,
  manyStreams,
  rawCallee,
  rawCaller,
  requested,
  sessions,
  settle,
} from './support.ts';

const serve = serveOperations(all);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** Runs three times what ends by a deadline of 130 ms: never early, and no later than 50 ms where the machine has time. */
async function inTime(work: () => Promise<unknown>): Promise<void> {
  const took: number[] = [];
  for (let n = 0; n < 3; n++) took.push(await timed(work));
  assert.ok(Math.min(...took) >= 130, `too early: ${took} ms`);
  assert.ok(Math.min(...took) <= 180, `too late: ${took} ms`);
}

test('CALL-47 no answer is TIMEOUT, never early and at most 50 ms late on either side, and a caller that gives up aborts', async (t) => {
  const { session, peer } = rawCallee(t);
  const error = { code: 'TIMEOUT', message: 'request timed out', retryable: true };
  await inTime(() => assert.rejects(session.call('a/b', 1, { timeoutMs: 130 }), error));
  const stream = await peer.accepted();
  const [request, abort] = await stream.frames(2);
  assert.equal(request?.payload['timeout_ms'], 130);
  assert.deepEqual(abort, { type: 'call.aborted', id: request?.id, payload: {} });

  const callee = rawCaller(t, { serve });
  const raw = await callee.peer.open();
  await inTime(async () => {
    const answered = raw.seen.length;
    raw.send(requested(`${answered}`, 'test/wait', 1, { timeout_ms: 130 }));
    await raw.frames(answered + 1);
  });
  assert.equal(raw.seen.length, 3);
  for (const { payload } of raw.seen) assert.deepEqual(payload, error);
});

test('a call that waits for a stream has its deadline running, and waits no longer than it', async (t) => {
  const pair = manyStreams();
  const { client } = sessions(t, { serve }, {}, pair);
  t.mock.method(
    pair[0],
    'openStream',
    ({ signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  );
  await assert.rejects(client.subscribe('test/count', { to: 1 }, { timeoutMs: 30 }).next(), {
    code: 'TIMEOUT',
  });
});

test('CALL-48 timeout_ms shortens and lengthens the deadline up to the cap; malformed ones are INVALID_INPUT', async (t) => {
  const seen: Record<string, number | undefined> = {};
  const left = defineOperation({
    ...echo,
    name: 'test/left',
    timeoutMs: 5000,
    handler: (input, { deadline }) => {
      seen[String(input)] = deadline === undefined ? undefined : deadline - performance.now();
    },
  });
  const { peer } = rawCaller(t, { serve: serveOperations([left]) });
  const stream = await peer.open();
  for (const [id, timeout] of Object.entries({
    short: 100,
    long: 60_000,
    capped: 2 ** 31 - 1,
    own: undefined,
  })) {
    stream.send(requested(id, 'test/left', id, { timeout_ms: timeout }));
  }
  const malformed = [0, -1, 1.5, '100', null, 2 ** 31];
  for (const [n, timeout] of malformed.entries())
    stream.send(requested(`m${n}`, 'test/left', n, { timeout_ms: timeout }));
  await stream.frames(4 + malformed.length);
  const near = (value: number | undefined, wanted: number) =>
    assert.ok(value !== undefined && value > wanted - 50 && value <= wanted, `${value} of ${wanted}`);
  near(seen['short'], 100);
  near(seen['long'], 60_000);
  near(seen['capped'], 600_000);
  near(seen['own'], 5000);
  for (const n of malformed.keys())
    assert.equal(stream.of(`m${n}`)[0]?.payload['code'], 'INVALID_INPUT', `${malformed[n]}`);
  // Our own caller says so before anything is sent.
  const { client } = sessions(t, { serve });
  for (const timeoutMs of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
    await assert.rejects(client.call('test/echo', 1, { timeoutMs }), { code: 'INVALID_INPUT' });
  }
});

test('CALL-57 a deadline that passes aborts the handler and answers TIMEOUT; what the handler does later sends nothing', async (t) => {
  const aborted = latch<unknown>();
  const gate = latch();
  const stubborn = defineOperation({
    ...echo,
    name: 'test/stubborn',
    handler: async (_input, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      await gate.promise;
      return 'too late';
    },
  });
  const { peer } = rawCaller(t, { serve: serveOperations([stubborn]) });
  const stream = await peer.open();
  stream.send(requested('a', 'test/stubborn', 1, { timeout_ms: 40 }));
  const reason = await aborted.promise;
  assert.ok(reason instanceof CallError);
  assert.equal(reason.code, 'TIMEOUT');
  await stream.frames(1);
  gate.resolve();
  await settle();
  stream.duplex.end();
  await stream.until(() => stream.ended);
  assert.deepEqual(
    stream.seen.map(({ type, payload }) => [type, payload['code']]),
    [['call.error', 'TIMEOUT']],
  );
});

test('the deadline of the typed client is that of the operation, unless asked otherwise', async (t) => {
  const { session, peer } = rawCallee(t);
  const client = session.client([{ ...echo, timeoutMs: 40 }]);
  await assert.rejects(client.call('test/echo', 1), { code: 'TIMEOUT' });
  const stream = await peer.accepted();
  assert.equal((await stream.one()).payload['timeout_ms'], undefined);
  const lenient = client.call('test/echo', 1, { timeoutMs: 10_000 });
  const [, , request] = await stream.frames(3);
  assert.equal(request?.payload['timeout_ms'], 10_000);
  stream.send(frame('call.responded', request?.id ?? '', { output: 1 }));
  await lenient;
});

test('a request that waits for a slot times out from when it was read', async (t) => {
  const { peer } = rawCaller(t, { serve, limits: limits({ callsPerConnection: 1 }) });
  const stream = await peer.open();
  stream.send(requested('running', 'test/wait'), requested('held', 'test/echo', 1, { timeout_ms: 40 }));
  const answer = await stream.one();
  assert.deepEqual([answer.id, answer.payload['code']], ['held', 'TIMEOUT']);
});

test('deadlines of one moment share a timer, and cancelled ones leave at most one behind', async (t) => {
  const alive = setInterval(() => {}, 60_000);
  t.after(() => clearInterval(alive));
  const now = performance.now();
  const before = armedMoments();
  const shared = Array.from({ length: 1000 }, () => deadline(now + 1_000_000, () => assert.fail()));
  assert.equal(armedMoments(), before + 1);
  const apart = Array.from({ length: 100 }, (_, n) =>
    deadline(now + 2_000_000 + n * 100, () => assert.fail()),
  );
  assert.equal(armedMoments(), before + 101);
  for (const one of [...shared, ...apart]) one.cancel();
  assert.ok(armedMoments() <= before + 1);
  const fired: number[] = [];
  await new Promise<void>((resolve) => {
    deadline(now + 60, () => fired.push(2));
    deadline(now + 20, () => fired.push(1));
    deadline(now + 100, resolve);
  });
  assert.deepEqual(fired, [1, 2]);
  assert.ok(performance.now() - now >= 100);
});
