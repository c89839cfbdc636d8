import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { CallError, defineOperation, type Identity, Type } from '@alknet/sdk';
import { both, hasSeen } from './support.ts';

const ada: Identity = { id: 'ada', scopes: ['read'], resources: { book: ['write'] } };

const other = [
  defineOperation({
    name: 'other/double',
    type: 'query',
    access: 'public',
    input: Type.Object({ n: Type.Number() }),
    output: Type.Number(),
    handler: ({ n }) => 2 * n,
  }),
  defineOperation({
    name: 'other/letters',
    type: 'subscription',
    access: 'public',
    input: Type.Object({}),
    output: Type.String(),
    async *handler() {
      yield 'a';
      yield 'b';
    },
  }),
  defineOperation({
    name: 'beyond/reach',
    type: 'query',
    access: 'public',
    input: Type.Object({}),
    output: Type.Null(),
    handler: () => null,
  }),
];

both('a query has its input with defaults, and its output is checked', {}, async (node) => {
  assert.deepEqual(await node.call('all/add', { a: 41 }), { sum: 42 });
  await assert.rejects(node.call('all/add', { a: 'x' }), { code: 'INVALID_INPUT' });
  const sums = await Promise.all(Array.from({ length: 200 }, (_, a) => node.call('all/add', { a, b: a })));
  assert.deepEqual(
    sums,
    Array.from({ length: 200 }, (_, a) => ({ sum: 2 * a })),
  );
});

both('errors keep code, message and details; what is not declared is INTERNAL', {}, async (node) => {
  await assert.rejects(node.call('all/fail', { how: 'declared' }), (error) => {
    assert.ok(error instanceof CallError);
    assert.deepEqual(
      [error.code, error.message, error.details],
      ['BOOK_TAKEN', 'that book is out', { until: 'May' }],
    );
    return true;
  });
  await assert.rejects(node.call('all/fail', { how: 'refused' }), {
    code: 'FORBIDDEN',
    message: 'not yours',
  });
  for (const how of ['undeclared', 'thrown', 'unsendable'])
    await assert.rejects(node.call('all/fail', { how }), { code: 'INTERNAL', message: 'internal error' });
  const logged = node.log
    .filter(({ event }) => event === 'handler error')
    .map(({ fields }) => fields['error']);
  assert.ok(logged.some((error) => error instanceof RangeError && error.message === 'secret words'));
});

both('a context says who calls what, until when, and cannot be changed', {}, async (node) => {
  const context = await node.call('all/context', {}, { identity: ada, requestId: 'r-1', timeoutMs: 30_000 });
  assert.deepEqual(context, {
    operation: 'all/context',
    requestId: 'r-1',
    parentId: null,
    identity: ada,
    caller: { id: 'ada' },
    forwardedFor: null,
    internal: false,
    depth: 0,
    left: 3,
    aborted: false,
    connection: null,
    metadata: 1,
    frozen: true,
  });
});

both('an abort and a deadline abort the signal of the handler, with their reason', {}, async (node) => {
  const stop = new AbortController();
  const call = node.call('all/wait', {}, { signal: stop.signal });
  await node.call('all/made', {});
  stop.abort();
  await assert.rejects(call, { code: 'ABORTED' });
  await assert.rejects(node.call('all/wait', {}, { timeoutMs: 50 }), { code: 'TIMEOUT' });
  await hasSeen(node, ['aborted ABORTED', 'aborted TIMEOUT']);
});

both('a subscription gives its values in order, and no more than are asked for', {}, async (node) => {
  const values: unknown[] = [];
  for await (const value of node.subscribe('all/count', { to: 300 })) values.push(value);
  assert.deepEqual(
    values,
    Array.from({ length: 300 }, (_, n) => n + 1),
  );
  const slow = node.subscribe('all/count', { to: 1000 })[Symbol.asyncIterator]();
  assert.equal((await slow.next()).value, 1);
  assert.equal((await slow.next()).value, 2);
  assert.equal(await node.call('all/made', {}), 2);
  await slow.return?.();
  await hasSeen(node, ['left', 'left']);
  const failing = async () => {
    for await (const value of node.subscribe('all/count', { to: 5, failAt: 3 })) assert.ok(Number(value) < 3);
  };
  await assert.rejects(failing(), { code: 'ENOUGH' });
});

both('a handler composes what it was granted, and nothing else', { operations: other }, async (node) => {
  assert.deepEqual(await node.call('all/compose', {}), {
    sum: 42,
    values: ['a', 'b'],
    refused: 'NOT_FOUND',
    can: [true, false],
  });
  assert.deepEqual(await node.call('all/do', { what: 'operations' }), { sum: 8, refused: 'INVALID_INPUT' });
});

both('binary input is bytes in the handler', {}, async (node) => {
  const data = randomBytes(10_000);
  const hash = createHash('sha256').update(data).digest('hex');
  assert.deepEqual(await node.call('all/bytes', { data: data.toString('base64') }), { hash });
  const small = data.subarray(0, 10);
  assert.deepEqual(await node.call('all/bytes', { data: small.toString('base64') }), {
    hash: createHash('sha256').update(small).digest('hex'),
  });
});
