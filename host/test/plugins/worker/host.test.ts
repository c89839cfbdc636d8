import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { CallerConnection, CloseInfo, Contribution, Identity } from '@alknet/sdk';
import { defineOperation, Type } from '@alknet/sdk';
import { connectionPair, type Dispatched } from '@alknet/sdk/testing';
import { both } from './support.ts';

const ada: Identity = { id: 'ada', scopes: ['read'], resources: { book: ['write'] } };
const tokens = new Map([['alk_ada', ada]]);

both('config, node, limits and log are those of the host', { config: { greeting: 'hi' } }, async (node) => {
  const act = (what: string, text = '') => node.call('all/do', { what, text });
  assert.deepEqual(await act('config'), { greeting: 'hi' });
  assert.deepEqual(await act('node'), {
    id: `ed25519:${'0'.repeat(64)}`,
    z32: 'y'.repeat(52),
    name: 'test',
    version: '0.0.0',
    frame: 16 * 1024 * 1024,
  });
  assert.match(String(await act('dataDir')), /alknet-all-/);
  assert.equal(await act('log', 'one\ntwo'), true);
  const [plain, child, call] = node.log.slice(-3);
  assert.deepEqual([plain?.level, plain?.event, plain?.fields['what']], ['info', 'plain', 'one\ntwo']);
  assert.deepEqual([child?.level, child?.fields['part']], ['warn', 'x']);
  assert.ok(child?.fields['error'] instanceof RangeError);
  assert.deepEqual([call?.level, call?.fields['operation']], ['notice', 'all/do']);
});

both('the store holds to its contract', {}, async (node) => {
  assert.deepEqual(await node.call('all/do', { what: 'store' }), {
    changes: [
      ['a/1', 'one'],
      ['a/2', 'two'],
      ['a/1', null],
    ],
    stale: 'STORE_CONFLICT',
    bad: 'STORE_KEY',
    listed: [
      ['a/2', 'two'],
      ['b/1', 'other'],
    ],
    gone: null,
  });
});

both('capabilities are those that were granted', { secrets: { weather: 'sun & rain €' } }, async (node) => {
  assert.deepEqual(await node.call('all/do', { what: 'capabilities' }), {
    names: ['weather'],
    length: 12,
    own: true,
    none: null,
    key: true,
    refused: 'TypeError: Capabilities cannot be serialised: they hold secrets',
  });
});

both('an identity that was looked up goes back as the very object', { tokens }, async (node) => {
  assert.deepEqual(await node.call('all/do', { what: 'identity', text: 'alk_ada' }), [ada, null]);
});

const changing = new Map([['alk_bob', ada]]);
both('a change of identities is told until it is wanted no more', { tokens: changing }, async (node) => {
  const seen = () => node.call('all/do', { what: 'seenIdentity' });
  await node.call('all/do', { what: 'watchIdentities', text: 'alk_bob' });
  assert.equal(await seen(), 'nothing');
  node.identitiesChanged();
  assert.deepEqual(await seen(), ada);
  changing.delete('alk_bob');
  node.identitiesChanged();
  assert.deepEqual(await seen(), ada);
  changing.set('alk_bob', ada);
});

const dispatched: Dispatched[] = [];
const answer = async (given: Dispatched): Promise<CloseInfo> => {
  if (given.alpn !== 'inner/1') throw Object.assign(new Error('nobody'), { code: 'NO_HANDLER' });
  dispatched.push(given);
  given.stream.end('from inside');
  return { code: 3, reason: 'done', by: 'peer' };
};

both(
  'a stream is dispatched with the identity object; a refused one is left as it was',
  { tokens, dispatch: answer },
  async (node) => {
    assert.deepEqual(await node.call('all/do', { what: 'dispatch', text: 'alk_ada' }), {
      code: 3,
      reason: 'done',
      by: 'peer',
    });
    assert.equal(dispatched.at(-1)?.auth.identity, ada);
    assert.equal(dispatched.at(-1)?.auth.transport, 'channel');
    assert.deepEqual(await node.call('all/do', { what: 'refusedDispatch' }), ['NO_HANDLER', 'still mine']);
  },
);

const dial = (target: string) => {
  if (target === 'nowhere') throw new Error('dial nowhere: no address');
  const { client, server } = connectionPair('all/1');
  if (target === 'lost') {
    server.close(9, 'gone');
    return client;
  }
  void (async () => {
    for await (const stream of server) {
      const [chunk] = await once(stream, 'data');
      stream.end(`got ${chunk}`);
    }
  })();
  return client;
};

both('dialling gives a connection, or the error', { dial }, async (node) => {
  assert.deepEqual(await node.call('all/do', { what: 'dial', text: 'somewhere' }), {
    answer: 'got ping',
    closed: { code: 7, reason: 'thanks', by: 'local' },
  });
  assert.deepEqual(await node.call('all/do', { what: 'lostDial' }), { code: 9, reason: 'gone', by: 'peer' });
  assert.equal(await node.call('all/do', { what: 'failedDial' }), 'dial nowhere: no address');
});

const contributions: Record<string, Contribution[]> = {
  'all-surface': [{ plugin: 'greet', value: { name: 'hello', run: (input: string) => `hello ${input}` } }],
};

both('contributions of others can be called', { contributions }, async (node) => {
  assert.deepEqual(await node.call('all/do', { what: 'contributions', text: 'Ada' }), [
    ['greet', 'hello', 'hello Ada'],
  ]);
  assert.equal(await node.call('all/do', { what: 'metrics' }), null);
});

interface Tools {
  readonly commands: readonly [{ readonly name: string; run(name: string): unknown }];
}

both(
  'its own contributions can be called: requests, responses, bodies, signals',
  {},
  async (_node, _t, { plugin }) => {
    const route = plugin.contributes?.http?.[0];
    assert.ok(route !== undefined);
    assert.equal(route.path, '/all/:name');
    const tools = plugin.contributes?.['all-tools'] as Tools;
    assert.equal(await tools.commands[0].run('Ada'), 'hi Ada');
    const never = new AbortController().signal;
    const ask = async (path: string, init: RequestInit & { duplex?: 'half' } = {}, signal = never) =>
      route.handler(new Request(`http://node${path}`, init), {
        identity: ada,
        remote: null,
        requestId: 'r-1',
        signal,
      });
    assert.deepEqual(await (await ask('/all/x'))?.json(), { identity: ada, name: '/all/x' });
    assert.equal(await ask('/all/decline'), undefined);
    await assert.rejects(ask('/all/throw'), { name: 'TypeError', message: 'no such route' });

    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          pulled++;
          if (pulled > 100) controller.close();
          else controller.enqueue(Buffer.alloc(10_000, pulled));
        },
      },
      { highWaterMark: 0 },
    );
    const echoed = await ask('/all/echo', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'x-from': 'me' },
    });
    assert.deepEqual(
      [echoed?.status, echoed?.headers.get('x-method'), echoed?.headers.get('x-from')],
      [201, 'POST', 'me'],
    );
    const reader = echoed?.body?.getReader();
    const first = await reader?.read();
    assert.equal(first?.value?.[0], 1);
    assert.ok(pulled < 10, `${pulled} pieces were read ahead`);
    let length = first?.value?.length ?? 0;
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
      length += next.value.length;
    assert.equal(length, 1_000_000);

    const stop = new AbortController();
    const waiting = ask('/all/abort', {}, stop.signal);
    setTimeout(() => stop.abort(new Error('client left')), 50);
    assert.equal(await (await waiting)?.text(), 'Error: client left');
  },
);

let sessionBefore: CallerConnection | null | undefined;

const other = [
  defineOperation({
    name: 'other/who',
    type: 'query',
    access: 'authenticated',
    input: Type.Object({}),
    output: Type.Any(),
    handler: (_input, { identity, connection }) => ({ id: identity?.id, connected: connection !== null }),
  }),
  defineOperation({
    name: 'other/ask-back',
    type: 'query',
    access: 'authenticated',
    input: Type.Object({}),
    output: Type.Any(),
    handler: (_input, { connection }) => connection?.call('client/name', {}),
  }),
  defineOperation({
    name: 'other/same',
    type: 'query',
    access: 'authenticated',
    input: Type.Object({}),
    output: Type.Boolean(),
    // What the node knows of a session, what it offers for one, hangs on this object.
    handler: (_input, { connection }) => {
      const isSame = connection === sessionBefore;
      sessionBefore = connection;
      return isSame;
    },
  }),
  defineOperation({
    name: 'other/numbers',
    type: 'subscription',
    access: 'authenticated',
    input: Type.Object({}),
    output: Type.Number(),
    async *handler() {
      for (let n = 0; n < 20; n++) yield n;
    },
  }),
];

both('a gateway answers sessions as the identity that it serves', { operations: other }, async (node) => {
  const { createSession } = await import('@alknet/sdk/call');
  const { serveOperations } = await import('@alknet/sdk');
  const name = defineOperation({
    name: 'client/name',
    type: 'query',
    access: 'public',
    input: Type.Object({}),
    output: Type.String(),
    handler: () => 'Ada',
  });
  const session = createSession(node.connect({ alpn: 'all/call', identity: ada }), {
    serve: serveOperations([name]),
  });
  assert.deepEqual(await session.call('other/who', {}), { id: 'ada', connected: true });
  assert.equal(await session.call('other/ask-back', {}), 'Ada');
  assert.equal(await session.call('other/same', {}), false);
  assert.equal(await session.call('other/same', {}), true);
  assert.deepEqual(await session.call('all/add', { a: 2 }), { sum: 3 });
  await assert.rejects(session.call('other/nothing', {}), { code: 'NOT_FOUND' });
  const numbers: unknown[] = [];
  for await (const value of session.subscribe('other/numbers', {})) numbers.push(value);
  assert.equal(numbers.length, 20);
  session.close();
  await session.closed;
});

both('a new config is taken or refused; drain, signal and stop reach the plugin', {}, async (node) => {
  await node.configure({ greeting: 'good day' });
  assert.deepEqual(await node.call('all/do', { what: 'config' }), { greeting: 'good day' });
  await assert.rejects(node.configure({ greeting: 'rude' }), { message: 'mind your language' });
  await node.drain();
  await node.stop();
  const events = node.log.map(({ event }) => event);
  assert.deepEqual(events.slice(-3), ['drained', 'signal', 'stopped']);
  assert.equal(node.log.at(-2)?.fields['reason'], 'Error: the test node stops');
});
