import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError, ConnectionError, connect, offer } from '../../src/browser/index.ts';
import { defineOperation, definePlugin, serveOperations, Type } from '../../src/index.ts';
import { page } from './support.ts';

const clock = definePlugin({
  name: 'clock',
  version: '1.0.0',
  operations: [
    defineOperation({
      name: 'clock/add',
      type: 'query',
      access: 'public',
      input: Type.Object({ a: Type.Integer(), b: Type.Integer() }),
      output: Type.Object({ sum: Type.Integer() }),
      errors: [{ code: 'TOO_MUCH', schema: Type.Object({ most: Type.Integer() }) }],
      handler: ({ a, b }) => {
        if (a + b > 100) throw new CallError('TOO_MUCH', 'too much', { details: { most: 100 } });
        return { sum: a + b };
      },
    }),
    defineOperation({
      name: 'clock/ticks',
      type: 'subscription',
      access: 'public',
      input: Type.Object({ to: Type.Integer() }),
      output: Type.Object({ n: Type.Integer() }),
      async *handler({ to }) {
        for (let n = 1; n <= to; n++) yield { n };
      },
    }),
    defineOperation({
      name: 'clock/wait',
      type: 'query',
      access: 'public',
      input: Type.Object({}),
      output: Type.Null(),
      handler: (_input, { signal }) =>
        new Promise<null>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    }),
  ],
});
const serve = serveOperations(clock.operations ?? []);

test('a page calls, subscribes and reads errors with the types of the plugin', async (t) => {
  const { client: session, socket } = await page(t, { serve }, { token: 'alk_x' });
  assert.equal(socket.url, 'wss://node.example/alknet/call');
  assert.deepEqual(socket.protocols, ['alknet.call', 'alknet.bearer.alk_x']);

  const client = session.client<typeof clock>();
  const { sum } = await client.call('clock/add', { a: 1, b: 2 });
  const typed: number = sum;
  assert.equal(typed, 3);
  const seen: number[] = [];
  for await (const { n } of client.subscribe('clock/ticks', { to: 200 })) seen.push(n);
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, at) => at + 1),
  );

  const failed = await client.call('clock/add', { a: 99, b: 2 }).catch((error: unknown) => error);
  assert.ok(client.isError(failed, 'clock/add', 'TOO_MUCH'));
  assert.equal(failed.details.most, 100);
  // @ts-expect-error no such operation
  await assert.rejects(client.call('clock/none', {}), { code: 'NOT_FOUND' });
  assert.ok(socket.sent.every((text) => text.startsWith('{"type":"call.')));
});

test('a page answers the calls of its node, tells it what it offers, and stops when the node aborts', async (t) => {
  let cleaned = false;
  const offered = offer([
    {
      name: 'page/greet',
      access: { scopes: ['ui'] },
      description: 'Greets.',
      input: { type: 'object' },
      handler: ({ name }: { name: string }) => `hello ${name}`,
    },
    {
      name: 'page/count',
      type: 'subscription',
      access: 'public',
      handler: async function* (_input: unknown, { signal }) {
        try {
          for (let n = 1; !signal.aborted; n++) yield n;
        } finally {
          cleaned = true;
        }
      },
    },
    {
      name: 'page/wait',
      type: 'mutation',
      access: 'public',
      handler: (_input: unknown) => new Promise(() => {}),
    },
    {
      name: 'page/fails',
      access: 'public',
      handler: () => {
        throw new Error('a secret of the page');
      },
    },
  ]);
  const { node } = await page(t, {}, { serve: offered });

  assert.equal(await node.call('page/greet', { name: 'ada' }), 'hello ada');
  const values: unknown[] = [];
  for await (const value of node.subscribe('page/count')) {
    values.push(value);
    if (values.length === 100) break;
  }
  assert.equal(values.at(-1), 100);
  // A round trip behind the abort: the page has dealt with it.
  await node.call('page/greet', { name: 'bob' });
  assert.equal(cleaned, true);
  await assert.rejects(node.call('page/wait', {}, { timeoutMs: 50 }), { code: 'TIMEOUT' });
  await assert.rejects(node.call('page/none'), { code: 'NOT_FOUND' });
  await assert.rejects(node.call('page/fails'), { code: 'INTERNAL', message: 'internal error' });
  await assert.rejects(node.subscribe('page/greet').next(), { code: 'INVALID_OPERATION_TYPE' });

  const { operations } = (await node.call('services/list', { schemas: true })) as {
    operations: { name: string; spec: { access_control: { required_scopes: string[] } } }[];
  };
  assert.deepEqual(
    operations.map(({ name }) => name),
    ['page/greet', 'page/count', 'page/wait', 'page/fails'],
  );
  assert.deepEqual(operations[0]?.spec.access_control.required_scopes, ['ui']);
  await assert.rejects(node.call('services/schema', { name: 'page/none' }), { code: 'NOT_FOUND' });
});

test('the end of the WebSocket fails what is pending, and the session tells its code', async (t) => {
  const { client, socket } = await page(t, { serve });
  const pending = client.call('clock/wait', {});
  const ticks = client.subscribe('clock/ticks', { to: 1 });
  await ticks.next();
  socket.end(1008, 'identity revoked');
  await assert.rejects(pending, { code: 'INTERNAL', message: 'connection closed', retryable: false });
  assert.deepEqual(await client.closed, { code: 1008, reason: 'identity revoked', by: 'peer' });
  await assert.rejects(client.call('clock/add', { a: 1, b: 1 }), { code: 'INTERNAL' });
});

for (const [what, message] of [
  ['text', '{"type":"call.error","id":"1","payload":{}}'],
  ['no JSON', Uint8Array.of(0x7b, 0xff).buffer],
  ['a byte order mark', new TextEncoder().encode('\ufeff{"type":"x","id":"1","payload":{}}').buffer],
  ['nesting of 65', new TextEncoder().encode(`${'['.repeat(65)}${']'.repeat(65)}`).buffer],
  ['no envelope', new TextEncoder().encode('{"type":"x","id":"1"}').buffer],
] as const) {
  test(`a page ends the session at a message that is ${what}`, async (t) => {
    const { client, socket } = await page(t, { serve });
    const pending = client.call('clock/wait', {});
    socket.message(message);
    await assert.rejects(pending, { code: 'INTERNAL' });
    await client.closed;
    assert.equal(socket.closed?.code, 4002);
  });
}

test('a page that is refused, or gives up, gets an error that says what to look at', async () => {
  class Refused {
    binaryType = '';
    bufferedAmount = 0;
    onopen = null;
    onmessage = null;
    onclose: ((event: object) => void) | null = null;
    onerror = null;
    constructor() {
      queueMicrotask(() => this.onclose?.({ code: 1006, reason: '' }));
    }
    send() {}
    close() {}
  }
  const refused = connect('https://node.example', { token: 'alk_secret', WebSocket: Refused });
  await assert.rejects(refused, (error: unknown) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /wss:\/\/node\.example\/alknet\/call.*token that is not valid/);
    assert.doesNotMatch(error.message, /alk_secret/);
    return true;
  });
  const given = connect('https://node.example', { signal: AbortSignal.abort(), WebSocket: Refused });
  await assert.rejects(given, { code: 'CONNECTION_CLOSED', message: /given up/ });
});
