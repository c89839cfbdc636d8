import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Server } from '../../src/call/index.ts';
import { Bytes, CallError, defineOperation, Int64, serveOperations, Type } from '../../src/index.ts';
import { add, all, count, echo, wait } from './operations.ts';
import {
  frame,
  type Line,
  latch,
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

/** `serveOperations` of one operation whose handler is `handler`. */
function serving(handler: (input: unknown) => unknown, more: object = {}, log?: Line[]): Server {
  return serveOperations(
    [{ ...echo, handler, ...more }],
    log === undefined ? {} : { log: recordingLog(log) },
  );
}

test('CALL-13 a query answers with exactly one call.responded with {output} and no call.completed', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  stream.send(requested('a', 'test/add', { a: 1, b: 2 }));
  stream.duplex.end();
  await stream.until(() => stream.ended);
  assert.deepEqual(stream.seen, [{ type: 'call.responded', id: 'a', payload: { output: 3 } }]);
});

test('CALL-14 the response carries the id of the request, also when the handler returns an object with another', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  const output = { id: 'z', type: 'call.error', payload: { code: 'INTERNAL' } };
  stream.send(requested('a', 'test/echo', output));
  assert.deepEqual(await stream.one(), { type: 'call.responded', id: 'a', payload: { output } });
});

test('CALL-15 /a/b and a/b reach the same operation, //a/b does not', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  for (const operationId of ['/test/echo', 'test/echo', '//test/echo']) {
    stream.send(frame('call.requested', operationId, { operationId, input: 1 }));
  }
  await stream.frames(3);
  assert.equal(stream.of('/test/echo')[0]?.type, 'call.responded');
  assert.equal(stream.of('test/echo')[0]?.type, 'call.responded');
  assert.equal(stream.of('//test/echo')[0]?.payload['code'], 'NOT_FOUND');
});

test('CALL-16 an unknown operation is NOT_FOUND, not retryable, with its name; so is a missing operationId', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const stream = await peer.open();
  const ids: [string, object, string][] = [
    ['unknown', { operationId: '/no/such' }, 'no/such'],
    ['missing', {}, ''],
    ['number', { operationId: 5 }, ''],
    ['long', { operationId: `a/${'b'.repeat(254)}` }, ''],
  ];
  for (const [id, payload] of ids) stream.send(frame('call.requested', id, payload));
  await stream.frames(ids.length);
  for (const [id, , name] of ids) {
    const message = `operation not found: ${name}`;
    assert.deepEqual(stream.of(id)[0]?.payload, { code: 'NOT_FOUND', message, retryable: false });
  }
  // A session without operations of its own answers every request so.
  const { client, server } = sessions(t);
  await assert.rejects(client.call('a/b'), { code: 'NOT_FOUND', message: 'operation not found: a/b' });
  await assert.rejects(server.call('a/b'), { code: 'NOT_FOUND' });
});

test('CALL-17 a missing input reaches the handler as null, a missing output reaches the caller as null', async (t) => {
  const inputs: unknown[] = [];
  const { peer } = rawCaller(t, { serve: serving((input) => void inputs.push(input)) });
  const stream = await peer.open();
  stream.send(frame('call.requested', 'a', { operationId: 'test/echo' }));
  assert.deepEqual((await stream.one()).payload, { output: null });
  assert.deepEqual(inputs, [null]);

  const callee = rawCallee(t);
  const call = callee.session.call('a/b', undefined);
  const requests = await callee.peer.accepted();
  const { id, payload } = await requests.one();
  assert.deepEqual(payload, { operationId: '/a/b', input: null });
  requests.send(frame('call.responded', id, {}));
  assert.equal(await call, null);
});

test('CALL-19 an Internal operation from the wire is NOT_FOUND, and its handler does not run', async (t) => {
  let ran = false;
  const { client } = sessions(t, {
    serve: serving(
      () => {
        ran = true;
      },
      { visibility: 'internal' },
    ),
  });
  await assert.rejects(client.call('test/echo'), {
    code: 'NOT_FOUND',
    message: 'operation not found: test/echo',
  });
  assert.equal(ran, false);
});

test('CALL-20 input against the schema is INVALID_INPUT with JSON Pointers, and the handler does not run', async (t) => {
  let ran = false;
  const { client } = sessions(t, {
    serve: serveOperations([
      {
        ...add,
        handler: () => {
          ran = true;
        },
      },
    ]),
  });
  await assert.rejects(client.call('test/add', { a: 'hunter2', b: 1 }), (error) => {
    assert.ok(error instanceof CallError);
    assert.equal(error.code, 'INVALID_INPUT');
    assert.equal(error.retryable, false);
    assert.match(error.message, /^invalid input: \/a /);
    const { issues } = error.details as { issues: { path: string; keyword: string; message: string }[] };
    assert.deepEqual(
      issues.map(({ path, keyword }) => ({ path, keyword })),
      [{ path: '/a', keyword: 'type' }],
    );
    assert.ok(!JSON.stringify(error).includes('hunter2'));
    return true;
  });
  assert.equal(ran, false);
});

test('CALL-22 a declared domain code arrives with its details, and details that do not fit do not', async (t) => {
  const errors = [{ code: 'TAKEN', schema: Type.Object({ until: Type.String() }) }];
  const log: Line[] = [];
  const taken = (input: unknown) => {
    throw new CallError('TAKEN', 'that one is out', { retryable: true, details: input });
  };
  const { client } = sessions(t, { serve: serving(taken, { errors }, log) });
  const details = { until: 'tomorrow' };
  const rejection = { code: 'TAKEN', message: 'that one is out', details };
  await assert.rejects(client.call('test/echo', details), { ...rejection, retryable: false });
  // A client that knows the specification believes `retryable`.
  const typed = client.client([{ ...echo, errors }]);
  await assert.rejects(typed.call('test/echo', details), { ...rejection, retryable: true });
  await assert.rejects(client.call('test/echo', { until: 5 }), {
    code: 'INTERNAL',
    message: 'internal error',
  });
  assert.equal(log.filter(({ level }) => level === 'error').length, 1);
});

test('CALL-23 undeclared codes and other throws become INTERNAL with a ref that the log has, and tell nothing else', async (t) => {
  const log: Line[] = [];
  const thrown: Record<string, () => unknown> = {
    code: () => new CallError('SECRET_CODE', 'hunter2', { details: { password: 'hunter2' } }),
    error: () => new Error('hunter2'),
    text: () => 'hunter2',
    nothing: () => undefined,
  };
  const { peer } = rawCaller(t, {
    serve: serving(
      (input) => {
        throw thrown[String(input)]?.();
      },
      {},
      log,
    ),
  });
  const stream = await peer.open();
  for (const kind of Object.keys(thrown)) stream.send(requested(kind, 'test/echo', kind));
  await stream.frames(4);
  for (const { id, type, payload } of stream.seen) {
    assert.equal(type, 'call.error');
    const { ref, ...details } = payload['details'] as { ref: string };
    assert.deepEqual(
      { ...payload, details },
      {
        code: 'INTERNAL',
        message: 'internal error',
        retryable: false,
        details: id === 'code' ? { code: 'SECRET_CODE' } : {},
      },
    );
    assert.match(ref, /^.{12}$/);
    assert.ok(
      log.some(({ level, fields }) => level === 'error' && fields['ref'] === ref),
      id,
    );
  }
  assert.ok(!JSON.stringify(stream.seen).includes('hunter2'));
});

test('CALL-24 an output against its schema is INTERNAL and logged', async (t) => {
  const log: Line[] = [];
  const { client } = sessions(t, { serve: serving(() => 'text', { output: Type.Integer() }, log) });
  await assert.rejects(client.call('test/echo'), { code: 'INTERNAL', message: 'internal error' });
  assert.equal(log[0]?.level, 'error');
});

test('CALL-26 only TIMEOUT is retryable, whatever the other side says; an unknown code is not', async (t) => {
  const { session, peer } = rawCallee(t);
  const codes = [
    'NOT_FOUND',
    'FORBIDDEN',
    'INVALID_INPUT',
    'INVALID_OPERATION_TYPE',
    'INTERNAL',
    'NO_SUCH_CODE',
    'TIMEOUT',
  ];
  for (const [n, code] of codes.entries()) {
    const call = session.call('a/b');
    const stream = await peer.accepted();
    const { id } = (await stream.frames(n + 1)).at(-1) ?? assert.fail();
    stream.send(frame('call.error', id, { code, message: 'm', retryable: code !== 'TIMEOUT' }));
    await assert.rejects(call, { code, retryable: code === 'TIMEOUT' });
  }
});

test('CALL-27 a hundred concurrent requests over mixed streams each get their own answer', async (t) => {
  const { peer } = rawCaller(t, { serve });
  const streams = await Promise.all(Array.from({ length: 7 }, () => peer.open()));
  const { client } = sessions(t, { serve });
  const calls = Array.from({ length: 100 }, (_, n) =>
    client.call('test/echo', n % 3 === 0 ? `${n}${'x'.repeat(70_000)}` : n),
  );
  for (let n = 0; n < 100; n++) streams[n % 7]?.send(requested(`${n}`, 'test/echo', n));
  for (const [at, stream] of streams.entries()) {
    await stream.frames(Math.ceil((100 - at) / 7));
    for (const { id, payload } of stream.seen) assert.deepEqual(payload, { output: Number(id) });
  }
  for (const [n, output] of (await Promise.all(calls)).entries()) {
    assert.equal(Number.parseInt(String(output), 10), n);
  }
});

test('CALL-28 on one stream a slow request does not delay a fast one', async (t) => {
  const gate = latch();
  const { peer } = rawCaller(t, {
    serve: serving(async (input) => {
      if (input === 'slow') await gate.promise;
      return input;
    }),
  });
  const stream = await peer.open();
  stream.send(requested('s', 'test/echo', 'slow'), requested('f', 'test/echo', 'fast'));
  assert.equal((await stream.one()).id, 'f');
  gate.resolve();
  assert.equal((await stream.frames(2))[1]?.id, 's');
});

test('CALL-29 the accepting side calls the dialling side over the same connection', async (t) => {
  const { server } = sessions(t, {}, { serve });
  assert.equal(await server.call('test/add', { a: 1, b: 2 }), 3);
  // And a handler calls back whoever called it.
  const back = serveOperations([
    {
      ...echo,
      name: 'test/back',
      handler: (input, { connection }) => connection?.call('test/echo', { back: input }),
    },
  ]);
  const { client } = sessions(t, { serve: back }, { serve });
  assert.deepEqual(await client.call('test/back', 1), { back: 1 });
});

test('CALL-30 an answer that arrives on another stream than its request resolves it', async (t) => {
  const { session, peer } = rawCallee(t);
  const call = session.call('a/b');
  const { id } = await (await peer.accepted()).one();
  (await peer.open()).send(frame('call.responded', id, { output: 'elsewhere' }));
  assert.equal(await call, 'elsewhere');
});

test('CALL-31 calls and subscriptions work in both directions at once over a single-stream connection', async (t) => {
  const both = sessions(t, { serve }, { serve }, singleStream());
  const work = Object.values(both).flatMap((session) => [
    ...Array.from({ length: 50 }, async (_, n) => assert.equal(await session.call('test/echo', n), n)),
    session.call('test/echo', 'x'.repeat(200_000)),
    (async () => {
      const seen: unknown[] = [];
      for await (const n of session.subscribe('test/count', { to: 300 })) seen.push(n);
      assert.deepEqual(
        seen,
        Array.from({ length: 300 }, (_, n) => n + 1),
      );
    })(),
  ]);
  await Promise.all(work);
});

test('CALL-32 a duplicate running id is refused on the stream that brought it, and the first request is answered', async (t) => {
  const gate = latch();
  const { peer } = rawCaller(t, {
    serve: serving(async (input) => {
      if (input === 'first') await gate.promise;
      return input;
    }),
  });
  const one = await peer.open();
  const two = await peer.open();
  one.send(requested('a', 'test/echo', 'first'));
  await settle();
  two.send(requested('a', 'test/echo', 'second'));
  assert.deepEqual((await two.one()).payload, {
    code: 'INVALID_INPUT',
    message: 'duplicate request id',
    retryable: false,
  });
  gate.resolve();
  assert.deepEqual(await one.one(), { type: 'call.responded', id: 'a', payload: { output: 'first' } });
  // Finished, the id is free again.
  two.send(requested('a', 'test/echo', 'third'));
  assert.deepEqual((await two.frames(2))[1]?.payload, { output: 'third' });
});

test('CALL-34 a malformed call.error fails the call at once instead of letting it time out', async (t) => {
  const { session, peer } = rawCallee(t);
  for (const [n, payload] of [null, 5, {}, { code: 5, message: 'm' }, { code: 'TIMEOUT' }].entries()) {
    const call = session.call('a/b');
    const stream = await peer.accepted();
    const { id } = (await stream.frames(n + 1)).at(-1) ?? assert.fail();
    stream.send(frame('call.error', id, payload));
    await assert.rejects(call, { code: 'INTERNAL', message: 'malformed error', retryable: false });
  }
});

test('CALL-69 an integer of 2^63-1 and 1 MiB of bytes round-trip through bigint text and Bytes()', async (t) => {
  const bytes = new Uint8Array(1 << 20).map((_, n) => n * 31);
  const seen: unknown[] = [];
  const carry = defineOperation({
    name: 'test/carry',
    type: 'query',
    access: 'public',
    input: Type.Object({ n: Int64(), bytes: Bytes() }),
    output: Type.Object({ n: Int64(), bytes: Bytes(), nested: Type.Array(Type.Object({ n: Int64() })) }),
    handler: (input) => {
      seen.push(typeof input.n, input.bytes instanceof Uint8Array);
      return { ...input, nested: [{ n: -input.n }] };
    },
  });
  const drops = defineOperation({
    name: 'test/drops',
    type: 'subscription',
    access: 'public',
    input: Type.Object({}),
    output: Bytes(),
    async *handler() {
      yield Uint8Array.of(1, 2);
      yield Buffer.from('three');
    },
  });
  const { client } = sessions(t, { serve: serveOperations([carry, drops]) });
  const typed = client.client([carry, drops]);
  const n = 2n ** 63n - 1n;
  const output = await typed.call('test/carry', { n, bytes });
  assert.equal(output.n, n);
  assert.deepEqual(output.bytes, bytes);
  assert.deepEqual(output.nested, [{ n: -n }]);
  assert.deepEqual(seen, ['bigint', true]);
  const dropped: Uint8Array[] = [];
  for await (const drop of typed.subscribe('test/drops', {})) dropped.push(drop);
  assert.deepEqual(
    dropped.map((drop) => Buffer.from(drop).toString()),
    ['\u0001\u0002', 'three'],
  );

  // What travels is decimal text and base64; without a definition that is what the caller sees.
  const raw = (await client.call('test/carry', { n, bytes: Uint8Array.of(255) })) as Record<string, unknown>;
  assert.equal(raw['n'], '9223372036854775807');
  assert.equal(raw['bytes'], '/w==');
});

test('the typed client knows names, inputs and outputs from the definitions', async (t) => {
  const { client } = sessions(t, { serve });
  const typed = client.client([add, count, wait]);
  const sum: number = await typed.call('test/add', { a: 1, b: 2 });
  assert.equal(sum, 3);
  const values: number[] = [];
  for await (const n of typed.subscribe('test/count', { to: 3 })) values.push(n);
  assert.deepEqual(values, [1, 2, 3]);
  const failing = typed.subscribe('test/count', { to: 0, fail: true });
  const error: unknown = await failing.next().catch((reason) => reason);
  assert.ok(typed.isError(error, 'test/count', 'OUT_OF_NUMBERS'));
  const at: number = error.details.at;
  assert.equal(at, 0);
  // What follows must not compile.
  const wrong = [
    // @ts-expect-error no such operation
    () => typed.call('test/nothing', {}),
    // @ts-expect-error the input lacks a member
    () => typed.call('test/add', { a: 1 }),
    // @ts-expect-error a query has no values
    () => typed.subscribe('test/add', { a: 1, b: 2 }),
    // @ts-expect-error the output is a number
    async () => (await typed.call('test/add', { a: 1, b: 2 })).length,
    // @ts-expect-error the operation declares no such code
    () => typed.isError(null, 'test/count', 'OUT_OF_LETTERS'),
  ];
  assert.equal(wrong.length, 5);
});

test('half-close by the caller lets requests under way be answered, then the callee half-closes too', async (t) => {
  const gate = latch();
  const [near, far] = manyStreams();
  const { peer, session } = rawCaller(t, { serve: serving(() => gate.promise) }, [near, far]);
  const stream = await peer.open();
  stream.send(requested('a', 'test/echo', 1));
  stream.duplex.end();
  await settle();
  assert.equal(stream.ended, false);
  gate.resolve();
  await stream.until(() => stream.ended);
  assert.equal(stream.seen.length, 1);
  await settle();
  assert.equal(session.stats.streams, 0);
});
