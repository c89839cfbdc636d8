import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallError, defineOperation, type OperationContext, Type } from '@alknet/sdk';
import { fixture, query, refused } from './fixture.ts';

type Handler = (input: never, context: OperationContext) => unknown;

/** What a composing handler saw of a child's failure. */
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: CallError) => error.code,
  );

test('REG-24 env.subscribe delivers all values in order with back-pressure, and leaving it ends the source', async (t) => {
  const { plugin, as } = fixture(t);
  let made = 0;
  let ended = false;
  const source = defineOperation({
    name: 'source/count',
    type: 'subscription',
    access: 'public',
    input: Type.Object({}),
    output: Type.Integer(),
    async *handler() {
      try {
        for (;;) yield ++made;
      } finally {
        ended = true;
      }
    },
  });
  plugin('source', [source]);
  const take: Handler = async (_i, { env }) => {
    const seen: unknown[] = [];
    for await (const value of env.subscribe('source/count', {})) if (seen.push(value) === 5) break;
    return seen;
  };
  plugin('outer', [query('outer/take', take)], { reach: ['*'] });
  assert.deepEqual(await as(null).call('outer/take', {}), [1, 2, 3, 4, 5]);
  assert.equal(made, 5);
  assert.equal(ended, true);
});

/** A handler that never answers, and what became of its signal. */
function waiting() {
  const reasons: string[] = [];
  let started: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    started = resolve;
  });
  const handler: Handler = (_i, { signal }) => {
    started();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reasons.push((signal.reason as CallError).code);
        reject(signal.reason);
      });
    });
  };
  return { reasons, begun, handler };
}

test('REG-27 abort of the root stops children and grandchildren on all branches, and no sibling of the root', async (t) => {
  const { plugin, as } = fixture(t);
  const leaf = waiting();
  plugin(
    'inner',
    [
      query('inner/wait', leaf.handler),
      query('inner/deeper', (_i, { env }) => env.invoke('inner/wait', {})),
      query('inner/quick', () => 'done'),
    ],
    { reach: ['*'] },
  );
  plugin(
    'outer',
    [
      query('outer/go', (_i, { env }) =>
        Promise.all([env.invoke('inner/wait', {}), env.invoke('inner/deeper', {})]),
      ),
    ],
    { reach: ['*'] },
  );
  const abort = new AbortController();
  const call = as(null).call('outer/go', {}, { signal: abort.signal });
  await leaf.begun;
  const sibling = as(null).call('inner/quick', {});
  await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  await assert.rejects(call, refused('ABORTED'));
  assert.deepEqual(leaf.reasons, ['ABORTED', 'ABORTED']);
  assert.equal(await sibling, 'done');
});

test('REG-28 onAbort "finish": a started child finishes, and one not started does not start', async (t) => {
  const { plugin, as } = fixture(t);
  let finish: (value: unknown) => void = () => {};
  let aborted = false;
  let began: () => void = () => {};
  const begun = new Promise<void>((resolve) => (began = resolve));
  const slow: Handler = (_i, { signal }) => {
    began();
    signal.addEventListener('abort', () => (aborted = true));
    return new Promise((resolve) => (finish = resolve));
  };
  const results: string[] = [];
  const go: Handler = async (_i, { env, signal }) => {
    const child = codeOf(env.invoke('inner/slow', {}, { onAbort: 'finish' }));
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    results.push(await codeOf(env.invoke('inner/slow', {})));
    results.push(await child);
  };
  plugin('inner', [query('inner/slow', slow)]);
  plugin('outer', [query('outer/go', go)], { reach: ['*'] });
  const abort = new AbortController();
  const call = as(null).call('outer/go', {}, { signal: abort.signal });
  await begun;
  abort.abort();
  await assert.rejects(call, refused('ABORTED'));
  assert.equal(aborted, false);
  finish('done');
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(results, ['ABORTED', 'ok']);
});

test('REG-29 a child’s deadline is its parent’s unless shortened, and never later', async (t) => {
  const { plugin, as } = fixture(t);
  const leaf = waiting();
  const look: Handler = (_i, { deadline }) => deadline;
  plugin('inner', [query('inner/look', look), query('inner/wait', leaf.handler)]);
  const go: Handler = async (_i, { env, deadline }) => ({
    same: (await env.invoke('inner/look', {})) === deadline,
    later: (await env.invoke('inner/look', {}, { timeoutMs: 600_000 })) === deadline,
    shorter: ((await env.invoke('inner/look', {}, { timeoutMs: 10 })) as number) < (deadline ?? 0),
    timedOut: await codeOf(env.invoke('inner/wait', {}, { timeoutMs: 10 })),
  });
  plugin('outer', [query('outer/go', go)], { reach: ['*'] });
  assert.deepEqual(await as(null).call('outer/go', {}, { timeoutMs: 5000 }), {
    same: true,
    later: true,
    shorter: true,
    timedOut: 'TIMEOUT',
  });
  assert.deepEqual(leaf.reasons, ['TIMEOUT']);
});

test('REG-30 a query under a subscription without deadline has its own default', async (t) => {
  const { plugin, as } = fixture(t, { callTimeout: 20, callTimeoutMax: 600_000 });
  const leaf = waiting();
  plugin('inner', [query('inner/wait', leaf.handler)]);
  const go = defineOperation({
    name: 'outer/go',
    type: 'subscription',
    access: 'public',
    input: Type.Object({}),
    output: Type.Unknown(),
    async *handler(_input, { env, deadline }) {
      yield deadline ?? 'none';
      yield await codeOf(env.invoke('inner/wait', {}));
    },
  });
  plugin('outer', [go], { reach: ['*'] });
  const seen: unknown[] = [];
  for await (const value of as(null).subscribe('outer/go', {})) seen.push(value);
  assert.deepEqual(seen, ['none', 'TIMEOUT']);
});

test('REG-31 a parent that returns leaves no child running', async (t) => {
  const { plugin, as, registry } = fixture(t);
  const leaf = waiting();
  const inner = plugin('inner', [query('inner/wait', leaf.handler)]);
  const go: Handler = async (_i, { env }) => {
    env.invoke('inner/wait', {}).catch(() => {});
    await leaf.begun;
    return 'gone';
  };
  plugin('outer', [query('outer/go', go)], { reach: ['*'] });
  assert.equal(await as(null).call('outer/go', {}), 'gone');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(leaf.reasons, ['ABORTED']);
  assert.equal(registry.running(inner), 0);
});

test('REG-67 a session operation shadows the base for its own tree only, and is not seen by another plugin’s', async (t) => {
  const { plugin, as } = fixture(t);
  const extra = query('acme/extra', () => 'session');
  plugin('other', [query('other/tries', (_i, { env }) => codeOf(env.invoke('acme/extra', {})))], {
    reach: ['*'],
  });
  const go: Handler = async (_i, { env }) => {
    const more = env.with([extra]);
    return [
      await more.invoke('acme/extra', {}),
      await more.invoke('acme/deeper', {}),
      await more.invoke('other/tries', {}),
      await codeOf(env.invoke('acme/extra', {})),
    ];
  };
  plugin(
    'acme',
    [query('acme/go', go), query('acme/deeper', (_i, { env }) => codeOf(env.invoke('acme/extra', {})))],
    { reach: ['acme/deeper', 'other/*'] },
  );
  assert.deepEqual(await as(null).call('acme/go', {}), ['session', 'ok', 'NOT_FOUND', 'NOT_FOUND']);
  await assert.rejects(as(null).call('acme/extra', {}), refused('NOT_FOUND'));
});
