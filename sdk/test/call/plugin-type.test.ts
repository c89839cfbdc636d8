import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession } from '../../src/call/index.ts';
import { Bytes, defineOperation, definePlugin, Int64, serveOperations, Type } from '../../src/index.ts';
import { connectionPair, createTestNode } from '../../src/testing/index.ts';

/** What `typeof plugin` says; a program would have it by `import type`. */
const plugin = definePlugin({
  name: 'note',
  version: '1.0.0',
  config: Type.Object({ limit: Type.Integer({ default: 3 }) }),
  operations: [
    defineOperation({
      name: 'note/get',
      type: 'query',
      access: 'public',
      input: Type.Object({ id: Type.String(), full: Type.Optional(Type.Boolean()) }),
      output: Type.Object({
        text: Type.String(),
        tags: Type.Array(Type.String()),
        raw: Bytes(),
        size: Int64(),
      }),
      errors: [{ code: 'NO_NOTE', schema: Type.Object({ nearest: Type.String() }) }],
      handler: ({ id }) => ({ text: id, tags: [id], raw: Uint8Array.of(1, 2, 3), size: 3n }),
    }),
    defineOperation({
      name: 'note/clear',
      type: 'mutation',
      access: 'public',
      input: Type.Object({}, { additionalProperties: false }),
      output: Type.Null(),
      handler: () => null,
    }),
    defineOperation({
      name: 'note/changes',
      type: 'subscription',
      access: 'public',
      input: Type.Object({ since: Type.Optional(Type.Integer()) }),
      output: Type.Object({ n: Type.Integer() }),
      async *handler({ since = 0 }) {
        yield { n: since + 1 };
      },
    }),
  ],
  start: (host) => {
    const limit: number = host.config.limit;
    host.log.info('begins', { limit });
    return {};
  },
});

test('a client with the type of a plugin alone gets inputs, outputs and errors of every operation', async (t) => {
  const { client: near, server: far } = connectionPair('alknet/call');
  createSession(far, { serve: serveOperations(plugin.operations ?? []) });
  const session = createSession(near);
  t.after(() => session.close());
  const client = session.client<typeof plugin>();

  const { text, tags, raw, size } = await client.call('note/get', { id: 'a' });
  // As JSON carries them: nobody has told this client the schemas.
  const all: [string, readonly string[], string, string] = [text, tags, raw, size];
  assert.deepEqual(all, ['a', ['a'], 'AQID', '3']);
  const nothing: null = await client.call('note/clear', {});
  assert.equal(nothing, null);
  const seen: number[] = [];
  for await (const { n } of client.subscribe('note/changes', { since: 4 })) seen.push(n);
  assert.deepEqual(seen, [5]);

  // What follows must not compile.
  const wrong = [
    // @ts-expect-error no such operation
    () => client.call('note/nothing', {}),
    // @ts-expect-error the input lacks a member
    () => client.call('note/get', {}),
    // @ts-expect-error a member of another type
    () => client.call('note/get', { id: 1 }),
    // @ts-expect-error a member that the operation does not know
    () => client.call('note/get', { id: 'a', ful: true }),
    // @ts-expect-error one that takes nothing is given something
    () => client.call('note/clear', { all: true }),
    // @ts-expect-error the output has no such member
    async () => (await client.call('note/get', { id: 'a' })).title,
    // @ts-expect-error bytes come as text here
    async (): Promise<Uint8Array> => (await client.call('note/get', { id: 'a' })).raw,
    // @ts-expect-error a query has no values
    () => client.subscribe('note/get', { id: 'a' }),
    // @ts-expect-error a subscription is not called
    () => client.call('note/changes', {}),
    // @ts-expect-error the operation declares no such code
    () => client.isError(null, 'note/get', 'NO_TIME'),
  ];
  assert.equal(wrong.length, 10);
  const error: unknown = { code: 'NO_NOTE' };
  if (client.isError(error, 'note/get', 'NO_NOTE')) {
    const nearest: string = error.details.nearest;
    assert.fail(nearest);
  }
});

test('the client of a test node has the operations of its plugin, and values as handlers see them', async (t) => {
  const node = await createTestNode(plugin);
  t.after(() => node.stop());
  const client = node.client();
  const { raw, size } = await client.call('note/get', { id: 'a', full: true });
  const all: [Uint8Array, bigint] = [raw, size];
  assert.deepEqual(all, [Uint8Array.of(1, 2, 3), 3n]);
  for await (const { n } of node
    .client({ identity: { id: 'ada', scopes: [], resources: {} } })
    .subscribe('note/changes', {})) {
    const value: number = n;
    assert.equal(value, 1);
  }
  const wrong = [
    // @ts-expect-error a member of another type
    () => client.call('note/get', { id: 1 }),
    // @ts-expect-error no such operation
    () => client.subscribe('note/nothing', {}),
  ];
  assert.equal(wrong.length, 2);
});

test('the config that start gets has the type of its schema, and contributions that of their surface', () => {
  const wrong = [
    () =>
      definePlugin({
        name: 'note',
        version: '1.0.0',
        config: Type.Object({ limit: Type.Integer() }),
        // @ts-expect-error no such key
        start: (host) => ({ drain: () => host.config.limits }),
      }),
    () =>
      definePlugin({
        name: 'note',
        version: '1.0.0',
        // @ts-expect-error a route answers with a Response
        contributes: { http: [{ method: 'GET', path: '/', handler: () => 'text' }] },
      }),
  ];
  assert.equal(wrong.length, 2);
});
