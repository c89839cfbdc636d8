import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armedMoments } from '../../src/call/deadlines.ts';
import {
  CallError,
  type Connection,
  connectionFromStream,
  defineOperation,
  StreamCode,
  serveOperations,
} from '../../src/index.ts';
import { duplexPair } from '../../src/testing/duplex-pair.ts';
import { all, echo } from './operations.ts';
import {
  alpn,
  frame,
  latch,
  manyStreams,
  nobody,
  rawCallee,
  rawCaller,
  requested,
  sessions,
  settle,
  until,
} from './support.ts';

const serve = serveOperations(all);

test('CALL-49 loss of the connection fails every pending request and aborts every served one', async (t) => {
  const reasons: unknown[] = [];
  const wait = defineOperation({
    ...echo,
    name: 'test/wait',
    handler: (_input, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          resolve(null);
        }),
      ),
  });
  const many = manyStreams();
  const [near, far] = duplexPair();
  const single = [near, far].map((duplex) => connectionFromStream(duplex, { alpn, auth: nobody }));
  const losses = [
    { pair: many, lose: () => many[1].close() },
    { pair: single as [Connection, Connection], lose: () => void far.destroy() },
  ];
  for (const { pair, lose } of losses) {
    reasons.length = 0;
    const { client, server } = sessions(
      t,
      { serve: serveOperations([wait]) },
      { serve: serveOperations([wait]) },
      pair,
    );
    const pending = [client, client, server].map((session) => session.call('test/wait'));
    await until(() => client.stats.serving === 1 && server.stats.serving === 2);
    lose();
    await Promise.all(
      pending.map((call) =>
        assert.rejects(call, { code: 'INTERNAL', message: 'connection closed', retryable: false }),
      ),
    );
    await Promise.all([client.closed, server.closed]);
    assert.equal(reasons.length, 3);
    for (const reason of reasons) assert.ok(reason instanceof CallError && reason.code === 'ABORTED');
    // What comes afterwards fails the same way.
    await assert.rejects(client.call('test/wait'), { code: 'INTERNAL', message: 'connection closed' });
    await assert.rejects(client.subscribe('test/wait').next(), {
      code: 'INTERNAL',
      message: 'connection closed',
    });
  }
});

test('CALL-50 a stream reset fails the requests on it at once, without sending an abort, and no others', async (t) => {
  const { session, peer } = rawCallee(t);
  const shared = session.call('a/b');
  const sharedStream = await peer.accepted(0);
  const { id } = await sharedStream.one();
  const own = session.call('a/b', 'x'.repeat(70_000));
  const ownStream = await peer.accepted(1);
  await ownStream.one();
  ownStream.duplex.destroy(Object.assign(new Error('reset'), { streamCode: StreamCode.CANCELLED }));
  await assert.rejects(own, { code: 'INTERNAL', message: 'stream closed' });
  await settle();
  assert.deepEqual([sharedStream.seen.length, ownStream.seen.length], [1, 1]);
  sharedStream.send(frame('call.responded', id, { output: 'unharmed' }));
  assert.equal(await shared, 'unharmed');

  // The callee aborts what came on it, and serves the rest.
  const aborted = latch();
  const gate = latch();
  const slow = defineOperation({
    ...echo,
    handler: async (input, { signal }) => {
      if (input === 'doomed') signal.addEventListener('abort', () => aborted.resolve());
      await gate.promise;
      return input;
    },
  });
  const caller = rawCaller(t, { serve: serveOperations([slow]) });
  const doomed = await caller.peer.open();
  const safe = await caller.peer.open();
  doomed.send(requested('d', 'test/echo', 'doomed'));
  safe.send(requested('s', 'test/echo', 'safe'));
  await settle();
  doomed.duplex.destroy();
  await aborted.promise;
  gate.resolve();
  assert.deepEqual((await safe.one()).payload, { output: 'safe' });
});

test('CALL-51 late, unknown and repeated answers, and aborts of unknown ids, change nothing', async (t) => {
  const { session, peer } = rawCallee(t, { serve });
  const stray = await peer.open();
  for (const type of ['call.responded', 'call.completed', 'call.error', 'call.aborted', 'call.window']) {
    stray.send(frame(type, 'nobody', { output: 1 }), frame(type, '', null));
  }
  stray.send(requested('ok', 'test/echo', 1));
  assert.equal((await stray.one()).id, 'ok');

  const call = session.call('a/b');
  const stream = await peer.accepted();
  const { id } = await stream.one();
  stream.send(
    frame('call.responded', id, { output: 'first' }),
    frame('call.error', id, { code: 'X', message: 'second' }),
  );
  assert.equal(await call, 'first');
  const again = session.call('a/b');
  const second = (await stream.frames(2))[1];
  stream.send(
    frame('call.responded', id, { output: 'stale' }),
    frame('call.responded', second?.id ?? '', { output: 'fresh' }),
  );
  assert.equal(await again, 'fresh');

  const aborted = session.call('a/b', 1, { timeoutMs: 20 });
  await assert.rejects(aborted, { code: 'TIMEOUT' });
  const late = stream.seen.at(-1)?.id ?? '';
  stream.send(
    frame('call.responded', late, { output: 'late' }),
    frame('call.aborted', late),
    frame('call.aborted', late),
  );
  await settle();
  assert.deepEqual(session.stats, {
    serving: 0,
    subscriptionsServed: 0,
    pending: 0,
    subscribed: 0,
    streams: 2,
  });
});

test('CALL-52 an abort is answered at once although the handler takes its time; no call.error ever carries ABORTED', async (t) => {
  const reason = latch<unknown>();
  const gate = latch();
  const slow = defineOperation({
    ...echo,
    handler: async (_input, { signal }) => {
      signal.addEventListener('abort', () => reason.resolve(signal.reason));
      await gate.promise;
      throw signal.reason;
    },
  });
  const server = serveOperations([slow]);
  const { peer, session } = rawCaller(t, { serve: server });
  const stream = await peer.open();
  stream.send(requested('a', 'test/echo'));
  await settle();
  stream.send(frame('call.aborted', 'a'));
  assert.deepEqual(await stream.one(), { type: 'call.aborted', id: 'a', payload: {} });
  const why = await reason.promise;
  assert.ok(why instanceof CallError && why.code === 'ABORTED');
  assert.equal(session.stats.serving, 1, 'the slot is taken until the handler has settled');
  gate.resolve();
  await until(() => session.stats.serving === 0);
  assert.equal(stream.seen.length, 1);

  const pair = sessions(t, { serve: server });
  const controller = new AbortController();
  const call = pair.client.call('test/echo', 1, { signal: controller.signal });
  controller.abort(new Error('why the caller gave up'));
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof CallError);
    assert.equal(error.code, 'ABORTED');
    return (error.cause as Error).message === 'why the caller gave up';
  });
  await assert.rejects(pair.client.call('test/echo', 1, { signal: AbortSignal.abort() }), {
    code: 'ABORTED',
  });

  // A handler that fails with ABORTED of its own making is an internal error like any other.
  const rude = serveOperations([
    {
      ...echo,
      handler: () => {
        throw new CallError('ABORTED', 'aborted');
      },
    },
  ]);
  const refused = rawCaller(t, { serve: rude });
  const raw = await refused.peer.open();
  raw.send(requested('a', 'test/echo'));
  assert.equal((await raw.one()).payload['code'], 'INTERNAL');
});

test('a server that gives a request up answers call.aborted unasked', async (t) => {
  const { peer } = rawCaller(t, {
    serve: {
      timeout: () => undefined,
      serve: () => ({
        kind: 'value',
        output: Promise.reject(new CallError('ABORTED', 'plugin reloaded')),
        settled: Promise.resolve(),
      }),
    },
  });
  const stream = await peer.open();
  stream.send(requested('a', 'test/echo'));
  assert.deepEqual(await stream.one(), { type: 'call.aborted', id: 'a', payload: {} });
});

test('letGo tells the callers of everything served, and leaves the connection', async (t) => {
  const { client, server } = sessions(t, { serve });
  const call = client.call('test/wait');
  await until(() => server.stats.serving === 1);
  server.letGo();
  await assert.rejects(call, { code: 'ABORTED', message: 'aborted by the other side' });
  assert.equal(await client.call('test/echo', 1), 1);
});

test('drain closes with SHUTDOWN when nothing is in flight, and serves what still comes until then', async (t) => {
  const gate = latch();
  const { client, server } = sessions(t, {
    serve: serveOperations([{ ...echo, name: 'test/slow', handler: () => gate.promise }, echo]),
  });
  const slow = client.call('test/slow');
  await until(() => server.stats.serving === 1);
  server.drain();
  assert.equal(await client.call('test/echo', 1), 1);
  gate.resolve();
  assert.equal(await slow, null);
  assert.deepEqual(await client.closed, { code: 0xa1c0, reason: 'shutdown', by: 'peer' });
});

test('CALL-54 no frame carries the id of an internal child', async (t) => {
  const ids: string[] = [];
  const inner = defineOperation({
    ...echo,
    name: 'test/inner',
    handler: (_input, { requestId }) => ids.push(requestId),
  });
  const outer = defineOperation({
    ...echo,
    name: 'test/outer',
    handler: async (input, { connection, requestId }) => {
      ids.push(requestId);
      return [input, await connection?.call('test/echo', 'child')];
    },
  });
  const [near, far] = manyStreams();
  const { peer } = rawCaller(t, { serve: serveOperations([inner, outer]) }, [near, far]);
  const stream = await peer.open();
  stream.send(requested('root', 'test/outer', 1));
  // A call back is a request of its own, of the other direction.
  const back = await peer.accepted();
  const child = await back.one();
  assert.notEqual(child.id, 'root');
  back.send(frame('call.responded', child.id, { output: 2 }));
  await stream.one();
  assert.deepEqual(stream.seen, [{ type: 'call.responded', id: 'root', payload: { output: [1, 2] } }]);
  assert.deepEqual(ids, ['root']);
});

test('CALL-55 abort racing with completion gives one outcome and empty tables, over 10 000 tries', async (t) => {
  const { client, server } = sessions(t, { serve });
  const outcomes: Record<string, number> = {};
  for (let round = 0; round < 100; round++) {
    const controllers = Array.from({ length: 100 }, () => new AbortController());
    const calls = controllers.map(({ signal }, n) =>
      client
        .call('test/echo', n, { signal })
        .then(
          (output) => assert.equal(output, n),
          (error) => assert.equal(error.code, 'ABORTED'),
        )
        .then(() => {
          outcomes[n] = (outcomes[n] ?? 0) + 1;
        }),
    );
    for (const [n, controller] of controllers.entries()) {
      if (n % 3 === 0) queueMicrotask(() => controller.abort());
      else if (n % 3 === 1) setImmediate(() => controller.abort());
      else if (n % 7 === 0) process.nextTick(() => controller.abort());
    }
    await Promise.all(calls);
  }
  assert.deepEqual(new Set(Object.values(outcomes)), new Set([100]));
  await until(() => server.stats.serving === 0);
  await settle();
  assert.deepEqual(client.stats, {
    serving: 0,
    subscriptionsServed: 0,
    pending: 0,
    subscribed: 0,
    streams: 1,
  });
  assert.deepEqual(server.stats, {
    serving: 0,
    subscriptionsServed: 0,
    pending: 0,
    subscribed: 0,
    streams: 1,
  });
});

test('CALL-56 after ten thousand calls, aborts and losses, tables, timers and streams are empty', async (t) => {
  const before = armedMoments();
  for (let round = 0; round < 10; round++) {
    const { client, server } = sessions(t, { serve });
    const work: Promise<unknown>[] = [];
    for (let n = 0; n < 1000; n++) {
      const signal = n % 4 === 1 ? AbortSignal.timeout(1 + (n % 5)) : undefined;
      const options = signal === undefined ? {} : { signal };
      if (n % 10 === 9) work.push(client.subscribe('test/count', { to: n % 7 }, options).next());
      else if (n % 4 === 2) work.push(client.call('test/wait', n, { timeoutMs: 5 + (n % 20) }));
      else if (n % 100 === 3) work.push(client.call('test/echo', 'x'.repeat(70_000)));
      else work.push(client.call('test/echo', n, options));
    }
    const settled = Promise.allSettled(work);
    if (round % 2 === 0) await settled;
    else await until(() => server.stats.serving > 0);
    client.close();
    await Promise.all([client.closed, server.closed]);
    await settled;
    const empty = { serving: 0, subscriptionsServed: 0, pending: 0, subscribed: 0, streams: 0 };
    await until(() => client.stats.streams === 0 && server.stats.streams === 0);
    assert.deepEqual(client.stats, empty);
    assert.deepEqual(server.stats, empty);
  }
  // At most one timer is kept for the next call.
  assert.ok(armedMoments() <= before + 1, `${armedMoments()} timers are left`);
});
