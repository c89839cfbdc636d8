import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CallError, type Connection, type OperationContext, silentLog } from '@alknet/sdk';
import { connectionPair } from '@alknet/sdk/testing';
import { Restarts, restartDelay } from '../../../src/plugins/restarts.ts';
import { eventually } from '../../config/support.ts';
import { type Bench, bench, inline, source } from '../support.ts';

/** A plugin that ends its thread when it is told how. */
const faulty = source('faulty', {
  members: `
  alpns: ['faulty/1'],
  operations: [
    defineOperation({ name: 'faulty/ping', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(), handler: () => 'pong' }),
    defineOperation({ name: 'faulty/wait', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(), handler: () => new Promise(() => {}) }),
    defineOperation({ name: 'faulty/end', type: 'mutation', access: 'public', input: Type.Any(), output: Type.Any(), handler: ({ how }) => ends[how]() }),
  ],`,
  before: `
const hoard: unknown[] = [];
const ends: Record<string, () => unknown> = {
  exit: () => process.exit(3),
  throw: () => { setTimeout(() => { throw new Error('out of the blue'); }); return new Promise(() => {}); },
  reject: () => { void Promise.reject(new Error('nobody waits')); return new Promise(() => {}); },
  loop: () => { for (;;); },
  spin: async () => { for (;;) await null; },
  heap: () => { for (;;) hoard.push(new Array(1000).fill({ a: 1 }).map((x) => ({ ...x }))); },
  buffers: () => { setInterval(() => { for (let n = 0; n < 40; n++) hoard.push(Buffer.alloc(1 << 20, 1)); }, 5); return new Promise(() => {}); },
};`,
  start:
    'return { async connection(connection) { for await (const stream of connection) stream.resume(); } };',
});

const steady = source('steady', {
  members: `operations: [defineOperation({ name: 'steady/now', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(), handler: () => 1 })],`,
});

async function started(
  t: TestContext,
  restartDelayOf: (ends: number) => number,
  heartbeat = 4000,
): Promise<Bench> {
  const node = await bench(t);
  Object.assign(node.services, { isolation: { heartbeat, restartDelay: restartDelayOf } });
  await node.write('faulty.ts', faulty);
  await node.write('steady.ts', steady);
  await node.apply({
    faulty: { use: './faulty.ts', limits: { memory: '96MiB' } },
    steady: { use: './steady.ts' },
    calm: inline('./calm.ts', { enabled: false }),
  });
  assert.equal(row(node)?.state, 'running', row(node)?.error?.message);
  return node;
}

const row = (node: Bench, name = 'faulty') => node.supervisor.rows().find((one) => one.name === name);

const context: OperationContext = {
  operation: 'x/y',
  requestId: 'r',
  parentId: undefined,
  identity: null,
  caller: null,
  forwardedFor: null,
  internal: false,
  metadata: new Map(),
  deadline: undefined,
  signal: new AbortController().signal,
  connection: null,
  depth: 0,
  log: silentLog,
  get capabilities(): never {
    throw new Error('not in this test');
  },
  get env(): never {
    throw new Error('not in this test');
  },
  get resources(): never {
    throw new Error('not in this test');
  },
};

async function call(node: Bench, name: string, input: unknown = {}): Promise<unknown> {
  const plugin = name.split('/')[0] ?? '';
  const operation = node.supervisor.instance(plugin)?.operations.find((one) => one.name === name);
  assert.ok(operation, `${name} is published`);
  return operation.handler(input as never, context);
}

const causes = [
  ['exit', /ended itself with exit code 3/],
  ['throw', /faulty\.ts:\d+:\d+: .*uncaught exception: out of the blue/],
  ['reject', /uncaught exception: nobody waits/],
  ['loop', /gave no sign of life for 4 s/],
  ['spin', /gave no sign of life for 4 s/],
  ['heap', /ran out of memory: plugins\.faulty\.limits\.memory is 96MiB/],
  ['buffers', /in buffers, and plugins\.faulty\.limits\.memory is 96MiB/],
] as const;

for (const [how, message] of causes) {
  test(`CFG-29 a worker that ends by "${how}" is started again, and others answer meanwhile`, {
    timeout: 60_000,
  }, async (t) => {
    const node = await started(t, () => 10);
    const { client, server } = connectionPair('faulty/1');
    const serving = Promise.resolve(node.supervisor.instance('faulty')?.connection(server as Connection));
    const waiting = call(node, 'faulty/wait');
    const ended = call(node, 'faulty/end', { how });
    for (const lost of [serving, waiting, ended]) lost.catch(() => {});
    let answered = 0;
    await eventually(() => {
      void call(node, 'steady/now').then(
        () => answered++,
        () => {},
      );
      return node.lines.some(({ event }) => event === 'plugin thread ended');
    }, 20_000);
    assert.ok(answered > 0);
    for (const lost of [serving, waiting, ended]) await assert.rejects(lost, /thread of plugin faulty/);
    assert.equal((await client.closed).code, 0xa1c2);
    const line = node.lines.find(({ event }) => event === 'plugin thread ended');
    assert.match(String(line?.fields['error']), message);
    assert.equal(line?.fields['restart'], 10);
    await eventually(() => row(node)?.state === 'running', 20_000);
    assert.equal(row(node)?.error, undefined);
    assert.equal(await call(node, 'faulty/ping'), 'pong');
    assert.equal(node.router.owner('faulty/1')?.name, 'faulty');
  });
}

test('CFG-29 between its end and its restart a worker is "starting", and its calls fail at once', {
  timeout: 60_000,
}, async (t) => {
  const node = await started(t, () => 60_000);
  await assert.rejects(call(node, 'faulty/end', { how: 'exit' }));
  await eventually(() => row(node)?.state === 'starting');
  assert.match(row(node)?.error?.message ?? '', /exit code 3/);
  await assert.rejects(call(node, 'faulty/ping'), (error) => !(error instanceof CallError));
  assert.equal(row(node, 'steady')?.state, 'running');
  await node.supervisor.reload('faulty');
  assert.equal(await call(node, 'faulty/ping'), 'pong');
});

test('CFG-29 five ends in 5 minutes make a worker failed, with nothing published, until it is reloaded', {
  timeout: 90_000,
}, async (t) => {
  const node = await started(t, () => 0);
  for (let ends = 1; ends <= 5; ends++) {
    await eventually(() => row(node)?.state === 'running', 20_000);
    await assert.rejects(call(node, 'faulty/end', { how: 'exit' }));
    await eventually(() => row(node)?.state !== 'running');
  }
  assert.equal(row(node)?.state, 'failed');
  assert.match(row(node)?.error?.message ?? '', /exit code 3; it has ended five times in 5 minutes/);
  assert.deepEqual(node.operationNames(), ['steady/now']);
  assert.equal(node.router.owner('faulty/1'), undefined);
  await node.supervisor.reload('faulty');
  assert.equal(await call(node, 'faulty/ping'), 'pong');
});

test('CFG-29 waits are 1, 2, 4 … 60 s; five minutes without an end begin anew', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map(restartDelay),
    [1, 2, 4, 8, 16, 32, 60, 60].map((s) => s * 1000),
  );
  const minute = 60_000;
  const often = new Restarts(restartDelay);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((at) => often.ended(at * minute)),
    [1000, 2000, 4000, 8000, undefined],
  );
  const seldom = new Restarts(restartDelay);
  const waits = [0, 1, 2, 3, 4, 5, 6].map((at) => seldom.ended(at * 2 * minute));
  assert.deepEqual(
    waits,
    [1, 2, 4, 8, 16, 32, 60].map((s) => s * 1000),
  );
  assert.equal(seldom.ended(60 * minute), 1000);
});

test('CFG-28 a worker whose start hangs, also in a loop, is given up after startTimeout', {
  timeout: 60_000,
}, async (t) => {
  const node = await bench(t);
  await node.write('slow.ts', source('slow', { start: 'for (;;);' }));
  await node.apply({ slow: { use: './slow.ts', limits: { startTimeout: '300ms' } } });
  assert.equal(row(node, 'slow')?.state, 'failed');
  assert.match(row(node, 'slow')?.error?.message ?? '', /start\(\) did not return within 300 ms/);
});

test('CFG-22 a fault in the source of a worker is shown with its place, at load and at start', {
  timeout: 60_000,
}, async (t) => {
  const node = await bench(t);
  await node.write('early.ts', source('early', { before: `throw new Error('at load');` }));
  await node.write('late.ts', source('late', { start: `\n    throw new Error('no luck');` }));
  await node.write('none.ts', 'export default 7;');
  await node.apply({ early: { use: './early.ts' }, late: { use: './late.ts' }, none: { use: './none.ts' } });
  assert.match(row(node, 'early')?.error?.message ?? '', /early\.ts:2:7: its module threw: at load/);
  assert.match(row(node, 'late')?.error?.message ?? '', /late\.ts:\d+:\d+: start\(\) threw: no luck/);
  assert.match(
    row(node, 'none')?.error?.message ?? '',
    /expected a default export made by definePlugin, found number/,
  );
});
