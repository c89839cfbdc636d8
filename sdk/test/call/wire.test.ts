import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxFrame } from '../../src/call/index.ts';
import { CallError, type Connection, type Stream, StreamCode, serveOperations } from '../../src/index.ts';
import { all, echo } from './operations.ts';
import {
  frame,
  type Line,
  limits,
  manyStreams,
  rawCallee,
  rawCaller,
  recordingLog,
  requested,
  sessions,
  settle,
  singleStream,
} from './support.ts';

const serve = serveOperations(all);

test('CALL-05 the writer refuses an input over its limit locally, and an output over it becomes INTERNAL', async (t) => {
  const { client } = sessions(
    t,
    { serve, limits: limits({ frame: 4096 }) },
    { limits: limits({ frame: 8192 }) },
  );
  await assert.rejects(client.call('test/echo', 'x'.repeat(9000)), {
    code: 'INVALID_INPUT',
    message: /^input too large: \d+ bytes, limit 8192$/,
  });
  const grow = serveOperations([{ ...echo, name: 'test/grow', handler: () => 'y'.repeat(5000) }]);
  const grown = sessions(t, { serve: grow, limits: limits({ frame: 4096 }) });
  await assert.rejects(grown.client.call('test/grow'), {
    code: 'INTERNAL',
    message: /^output too large: \d+ bytes, limit 4096$/,
  });
  assert.equal(maxFrame, 64 << 20);
});

test('an input or output nested deeper than a frame may be is refused by the writer', async (t) => {
  const { client } = sessions(t, { serve });
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  assert.deepEqual(await client.call('test/echo', nested(62)), nested(62));
  await assert.rejects(client.call('test/echo', nested(63)), {
    code: 'INVALID_INPUT',
    message: 'input too deep',
  });
});

test('CALL-07 malformed JSON ends that stream only; another stream of the connection goes on', async (t) => {
  const lines: Line[] = [];
  const { peer } = rawCaller(t, { serve, log: recordingLog(lines) });
  const good = await peer.open();
  const bad = await peer.open();
  good.send(requested('a', 'test/echo', 1));
  await good.frames(1);
  bad.send(Buffer.concat([Buffer.from([0, 0, 0, 9]), Buffer.from('{"hunter2')]));
  await bad.until(() => bad.error !== undefined);
  assert.equal(bad.error?.streamCode, StreamCode.BAD_FRAME);
  good.send(requested('b', 'test/echo', 2));
  assert.deepEqual((await good.frames(2))[1], { type: 'call.responded', id: 'b', payload: { output: 2 } });
  const warning = lines.find(({ event }) => event === 'bad frame');
  assert.equal(warning?.level, 'warn');
  assert.ok(!JSON.stringify(lines).includes('hunter2'));
});

test('an envelope without type, id or payload, or of another type, is a bad frame', async (t) => {
  const { peer } = rawCaller(t, { serve });
  for (const text of [
    '[]',
    '1',
    '{"id":"a","payload":{}}',
    '{"type":"x","payload":{}}',
    '{"type":"x","id":1,"payload":{}}',
    '{"type":"x","id":"a"}',
    `{"type":"x","id":"${'é'.repeat(129)}","payload":{}}`,
  ]) {
    const stream = await peer.open();
    const bytes = Buffer.from(text);
    stream.send(Buffer.from([0, 0, 0, bytes.length]).fill(bytes.length >> 8, 2, 3), bytes);
    await stream.until(() => stream.error !== undefined);
    assert.equal(stream.error?.streamCode, StreamCode.BAD_FRAME, text);
  }
});

test('CALL-08 the member is called type, and details is absent when there is none', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  stream.send(requested('a', 'no/such'));
  const answer = await stream.one();
  assert.deepEqual(Object.keys(answer), ['type', 'id', 'payload']);
  assert.deepEqual(Object.keys(answer.payload), ['code', 'message', 'retryable']);
});

test('CALL-09 call.completed and call.aborted have the payload {}', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  stream.send(
    requested('a', 'test/count', { to: 0 }, { window: 0 }),
    requested('b', 'test/wait'),
    frame('call.aborted', 'b'),
  );
  await stream.frames(2);
  assert.deepEqual(stream.of('a'), [{ type: 'call.completed', id: 'a', payload: {} }]);
  assert.deepEqual(stream.of('b'), [{ type: 'call.aborted', id: 'b', payload: {} }]);

  const callee = rawCallee(t);
  const controller = new AbortController();
  const call = callee.session.call('a/b', 1, { signal: controller.signal });
  const requests = await callee.peer.accepted();
  const { id } = await requests.one();
  controller.abort();
  await assert.rejects(call, { code: 'ABORTED' });
  assert.deepEqual((await requests.frames(2))[1], { type: 'call.aborted', id, payload: {} });
});

test('CALL-10 members that nobody knows are accepted, in envelope and payload', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  const text = JSON.stringify({
    v: 2,
    type: 'call.requested',
    id: '',
    payload: { operationId: '/test/echo', input: 7, color: 'green' },
    trace: [],
  });
  stream.send(Buffer.from([0, 0, 0, text.length]), Buffer.from(text));
  assert.deepEqual(await stream.one(), { type: 'call.responded', id: '', payload: { output: 7 } });
});

test('CALL-33 unknown event types harm neither stream nor request', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  stream.send(frame('call.paused', 'a', { any: 1 }), requested('a', 'test/echo', 1), frame('toString', 'a'));
  assert.deepEqual(await stream.one(), { type: 'call.responded', id: 'a', payload: { output: 1 } });

  const callee = rawCallee(t);
  const call = callee.session.call('a/b');
  const requests = await callee.peer.accepted();
  const { id } = await requests.one();
  requests.send(frame('call.progress', id), frame('call.responded', id, { output: 2 }));
  assert.equal(await call, 2);
});

test('CALL-65 a frame above the limit of the receiver resets its stream, the caller learns it, smaller calls go on', async (t) => {
  const { client } = sessions(t, { serve, limits: limits({ frame: 100_000 }) });
  await assert.rejects(client.call('test/echo', 'x'.repeat(200_000)), (error) => {
    assert.ok(error instanceof CallError);
    assert.equal(error.code, 'INTERNAL');
    assert.match(error.message, /^stream closed: .*too large/);
    return true;
  });
  assert.equal(await client.call('test/echo', 'small'), 'small');

  const { peer } = rawCaller(t, { serve, limits: limits({ frame: 1024 }) });
  const stream = await peer.open();
  stream.send(Buffer.from([0, 0, 4, 1]));
  await stream.until(() => stream.error !== undefined);
  assert.equal(stream.error?.streamCode, StreamCode.FRAME_TOO_LARGE);
});

test('CALL-66 a frame that stops half-way is given up after 30 s without progress', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  const whole = requested('a', 'test/echo', 1);
  stream.send(whole.subarray(0, 10));
  await settle();
  t.mock.timers.tick(29_999);
  stream.send(whole.subarray(10, 11));
  await settle();
  t.mock.timers.tick(29_999);
  await settle();
  const code = () => stream.error?.streamCode;
  assert.equal(code(), undefined);
  t.mock.timers.tick(1);
  await stream.until(() => code() !== undefined);
  assert.equal(code(), StreamCode.STALLED);
});

test('CALL-67 a hundred calls of one turn leave as one write, and a single call leaves in the turn it was made', async (t) => {
  const [near, far] = manyStreams();
  const opened: Stream[] = [];
  const watched = Object.create(near, {
    openStream: {
      value: async () => {
        const stream = await near.openStream();
        opened.push(stream);
        return stream;
      },
    },
  }) as Connection;
  const { session, peer } = rawCallee(t, {}, [watched, far]);
  const first = session.call('a/b').catch(() => {});
  const stream = await peer.accepted();
  await stream.frames(1);
  const [shared] = opened;
  assert.ok(shared);
  const write = t.mock.method(shared, 'write');
  const calls = Array.from({ length: 100 }, (_, n) => session.call('a/b', n).catch(() => {}));
  const oneTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
  await oneTurn();
  assert.equal(write.mock.callCount(), 1);
  await stream.frames(101);
  calls.push(session.call('a/b').catch(() => {}));
  await oneTurn();
  assert.equal(write.mock.callCount(), 2);
  session.close();
  await Promise.all([first, ...calls]);
});

test('CALL-68 small calls share one stream; a subscription and an input above 64 KiB each use another', async (t) => {
  const { session, peer } = rawCallee(t);
  const ends = [session.call('a/small', 1), session.call('a/small', 2)].map((call) => call.catch(() => {}));
  const shared = await peer.accepted();
  await shared.frames(2);
  ends.push(session.call('a/large', 'x'.repeat(70_000)).catch(() => {}));
  const large = await peer.accepted(1);
  await large.frames(1);
  const values = session.subscribe('a/values');
  const own = await peer.accepted(2);
  assert.equal((await own.one()).payload['window'], 0);
  ends.push(session.call('a/small', 3).catch(() => {}));
  await shared.frames(3);
  assert.deepEqual(
    peer.streams.map(({ seen }) => seen.length),
    [3, 1, 1],
  );
  await values.return?.();
  session.close();
  await Promise.all(ends);
});

test('CALL-70 an input with the member __proto__ is data and changes no prototype', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  const text =
    '{"type":"call.requested","id":"a","__proto__":{"polluted":1},"payload":{"operationId":"test/echo","__proto__":{"input":2},"input":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}}';
  stream.send(Buffer.from([0, 0, 0, text.length]), Buffer.from(text));
  await stream.one();
  const output = stream.seen[0]?.payload['output'];
  assert.equal(
    JSON.stringify(output),
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  );
  assert.equal(Reflect.get({}, 'polluted'), undefined);

  // And where the schema closes the object, it is one member too many.
  stream.send(
    frame('call.requested', 'b', {
      operationId: 'test/add',
      input: JSON.parse('{"a":1,"b":2,"__proto__":{}}'),
    }),
  );
  assert.equal((await stream.frames(2))[1]?.payload['code'], 'INVALID_INPUT');
});

test('a repeated member counts by its last occurrence', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  const text =
    '{"type":"x","type":"call.requested","id":"a","id":"b","payload":{"operationId":"test/echo","input":1}}';
  stream.send(Buffer.from([0, 0, 0, text.length]), Buffer.from(text));
  assert.equal((await stream.one()).id, 'b');
});

test('CALL-72 on a single-stream connection closed settles only when the stream ends', async (t) => {
  const [near, far] = singleStream();
  const { client, server } = sessions(t, { serve }, {}, [near, far]);
  let over = false;
  void server.closed.then(() => {
    over = true;
  });
  assert.equal(await client.call('test/echo', 1), 1);
  await settle();
  assert.equal(over, false);
  client.close();
  await server.closed;
  assert.equal((await client.closed).by, 'local');
});

test('partial frames of one connection together stay within half of bufferedPerConnection', async (t) => {
  const [near, far] = manyStreams();
  const { peer } = rawCaller(t, { serve, limits: limits({ bufferedPerConnection: 1 << 20 }) }, [near, far]);
  const large = requested('x', 'test/echo', 'x'.repeat(400_000));
  const half = large.subarray(0, 200_000);
  const first = await peer.open();
  const second = await peer.open();
  first.send(half);
  await settle();
  second.send(half);
  await settle();
  second.send(large.subarray(200_000));
  await settle();
  // The second is not read any further: the rest of its frame waits in the transport.
  assert.equal(second.duplex.writableNeedDrain, true);
  first.send(large.subarray(200_000));
  await first.frames(1);
  assert.equal((await second.frames(1)).length, 1);
});
