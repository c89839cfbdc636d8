import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offer } from '@alknet/sdk/browser';
import { labNode } from './node.ts';

test('HTTP-72 the node calls what the client offers: result and error correlate, and a subscription streams', async (t) => {
  const node = await labNode(t);
  const serve = offer([
    { name: 'page/double', access: 'public', handler: ({ n }: { n: number }) => n * 2 },
    {
      name: 'page/letters',
      type: 'subscription',
      access: 'public',
      handler: async function* ({ to }: { to: number }) {
        for (let n = 0; n < to; n++) yield n;
      },
    },
    {
      name: 'page/fails',
      access: 'public',
      handler: () => {
        throw new Error('inner');
      },
    },
  ]);
  const session = await node.connect(await node.grant('ada'), { serve });
  const asked = await Promise.all(
    [1, 2, 3].map((n) => session.call('lab/ask', { name: 'page/double', input: { n } })),
  );
  assert.deepEqual(asked, [{ output: 2 }, { output: 4 }, { output: 6 }]);
  assert.deepEqual(await session.call('lab/ask', { name: 'page/fails' }), {
    code: 'INTERNAL',
    message: 'internal error',
  });
  assert.deepEqual(await session.call('lab/follow', { name: 'page/letters', input: { to: 200 } }), {
    output: Array.from({ length: 200 }, (_, n) => n),
  });
  assert.deepEqual(await session.call('lab/ask', { name: 'page/none' }), {
    code: 'NOT_FOUND',
    message: 'operation not found: page/none',
  });
});

for (const isolation of ['inline', 'worker'] as const) {
  test(`the node learns what a client offers once, when it is first asked for, and NOT_FOUND is nothing (${isolation})`, async (t) => {
    const node = await labNode(t, {}, {}, isolation);
    const client = await node.raw(await node.grant('ada'));
    await client.of(client.request('lab/echo', 1));
    assert.ok(!client.seen.some(({ type }) => type === 'call.requested'));
    const first = client.request('lab/ask', { name: 'page/any' });
    const list = await client.requested('services/list');
    client.send('call.error', list.id, {
      code: 'NOT_FOUND',
      message: 'operation not found',
      retryable: false,
    });
    const none = { output: { code: 'NOT_FOUND', message: 'operation not found: page/any' } };
    assert.deepEqual((await client.of(first))[0]?.payload, none);
    const second = client.request('lab/ask', { name: 'page/any' });
    assert.deepEqual((await client.of(second))[0]?.payload, none);
    assert.equal(client.seen.filter(({ type }) => type === 'call.requested').length, 1);
  });
}

test('HTTP-73 a call to a client that does not answer ends in TIMEOUT at its deadline, and the client is sent an abort', async (t) => {
  const node = await labNode(t);
  let aborted: unknown;
  const serve = offer([
    {
      name: 'page/silent',
      access: 'public',
      handler: (_input: unknown, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = signal.reason.code;
          });
        }),
    },
  ]);
  const session = await node.connect(await node.grant('ada'), { serve });
  assert.deepEqual(await session.call('lab/ask', { name: 'page/silent', timeoutMs: 100 }), {
    code: 'TIMEOUT',
    message: 'request timed out',
  });
  await session.call('lab/echo', 'a round trip behind the abort');
  // Whichever came first, its own deadline or the abort of the node: it has been told.
  assert.match(String(aborted), /ABORTED|TIMEOUT/);
});

test('HTTP-74 overlays of two sockets are isolated, closing one removes its operations, and a peer reference to it is NOT_FOUND', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const of = (text: string) => offer([{ name: `page/${text}`, access: 'public', handler: () => text }]);
  const [one, two] = [
    await node.connect(token, { serve: of('one') }),
    await node.connect(token, { serve: of('two') }),
  ];
  const ask = (session: typeof one, name: string) => session.call('lab/ask', { name });
  assert.deepEqual(await ask(one, 'page/one'), { output: 'one' });
  assert.deepEqual(await ask(two, 'page/two'), { output: 'two' });
  for (const [session, name] of [
    [one, 'page/two'],
    [two, 'page/one'],
  ] as const) {
    assert.deepEqual(await ask(session, name), {
      code: 'NOT_FOUND',
      message: `operation not found: ${name}`,
    });
  }
  assert.deepEqual(await one.call('lab/peer', { id: 'ada', name: 'page/one' }), {
    code: 'NOT_FOUND',
    message: 'peer not connected: ada',
  });
  one.close();
  await one.closed;
  await assert.rejects(two.call('page/one'), { code: 'NOT_FOUND' });
  assert.deepEqual(await ask(two, 'page/two'), { output: 'two' });
});

test("HTTP-75 a handler without authority for a client's restricted operation gets FORBIDDEN", async (t) => {
  const node = await labNode(t);
  let ran = 0;
  const serve = offer([
    { name: 'page/open', access: 'public', handler: () => 'open' },
    { name: 'page/ui', access: { scopes: ['ui'] }, handler: () => ++ran },
    { name: 'page/root', access: { scopes: ['root'] }, handler: () => ++ran },
  ]);
  const session = await node.connect(await node.grant('ada', ['ui', 'root']), { serve });
  // The scopes of the caller have no part in it: it is the plugin that calls, by what it was granted.
  assert.deepEqual(await session.call('lab/ask', { name: 'page/ui' }), { output: 1 });
  assert.deepEqual(await session.call('lab/ask', { name: 'page/root' }), {
    code: 'FORBIDDEN',
    message: 'missing required scope: root',
  });
  assert.deepEqual(await session.call('bare/ask', { name: 'page/ui' }), {
    code: 'FORBIDDEN',
    message: 'missing required scope: ui',
  });
  assert.deepEqual(await session.call('bare/ask', { name: 'page/open' }), { output: 'open' });
  assert.equal(ran, 1);
});
