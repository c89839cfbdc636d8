import assert from 'node:assert/strict';
import { get } from 'node:https';
import { test } from 'node:test';
import { labNode } from './node.ts';

test('HTTP-65 one binary message is one envelope, first byte {, without length prefix', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const ids = [
    socket.request('lab/echo', { text: 'ä€𝄞' }),
    socket.request('lab/count', { to: 3 }, { window: 9 }),
  ];
  await Promise.all([socket.of(ids[0] ?? ''), socket.of(ids[1] ?? '', 4)]);
  assert.equal(socket.messages.length, 5);
  for (const { bytes, binary } of socket.messages) {
    assert.equal(binary, true);
    assert.equal(bytes[0], 0x7b);
    assert.deepEqual(Object.keys(JSON.parse(bytes.toString('utf8'))), ['type', 'id', 'payload']);
  }
});

test('HTTP-66 a text message closes with 1002, and so does what is no envelope', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const text = await node.raw(token);
  text.socket.send('{"type":"call.requested","id":"1","payload":{}}');
  assert.deepEqual(await text.end(), { code: 1002, reason: 'text messages not supported' });
  for (const bytes of [
    Buffer.from('{'),
    Buffer.from('[]'),
    Buffer.from('{"type":"x","id":"1"}'),
    Buffer.from('\ufeff{"type":"x","id":"1","payload":{}}'),
    Buffer.from([0x7b, 0xff]),
    Buffer.alloc(0),
    Buffer.from(`{"type":"x","id":"1","payload":${'['.repeat(64)}${']'.repeat(64)}}`),
  ]) {
    const socket = await node.raw(token);
    socket.socket.send(bytes);
    assert.deepEqual(await socket.end(), { code: 1002, reason: 'invalid EventEnvelope' }, bytes.toString());
  }
});

test('HTTP-67 call.requested gives responded or error with the same id', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  socket.send('call.requested', 'mine', { operationId: '/lab/echo', input: { id: 'another' } });
  assert.deepEqual(await socket.of('mine'), [
    { type: 'call.responded', id: 'mine', payload: { output: { id: 'another' } } },
  ]);
  socket.send('call.requested', '', { operationId: 'lab/none' });
  const [error] = await socket.of('');
  assert.equal(error?.type, 'call.error');
  assert.equal(error?.payload['code'], 'NOT_FOUND');
});

test('HTTP-68 FORBIDDEN comes before the handler runs, and an internal operation is NOT_FOUND', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const [forbidden] = await socket.of(socket.request('lab/admin', {}));
  assert.equal(forbidden?.payload['code'], 'FORBIDDEN');
  const [hidden] = await socket.of(socket.request('lab/hidden', {}));
  const [unknown] = await socket.of(socket.request('lab/unknown', {}));
  assert.deepEqual(
    [hidden, unknown].map((each) => each?.payload),
    ['hidden', 'unknown'].map((name) => ({
      code: 'NOT_FOUND',
      message: `operation not found: lab/${name}`,
      retryable: false,
    })),
  );
  const [state] = await socket.of(socket.request('lab/state'));
  assert.match(JSON.stringify(state?.payload), /"ran":0/);
});

test('HTTP-69 services/list is filtered for the identity, and the names of the gateway are no operations', async (t) => {
  const node = await labNode(t);
  const names = async (scopes: string[]) => {
    const session = await node.connect(await node.grant(`peer-${scopes.length}`, scopes));
    const { operations } = (await session.call('services/list', { namespace: 'lab' })) as {
      operations: { name: string }[];
    };
    return operations.map(({ name }) => name);
  };
  const few = await names([]);
  assert.ok(few.includes('lab/echo') && !few.includes('lab/admin') && !few.includes('lab/hidden'));
  assert.ok((await names(['lab:admin'])).includes('lab/admin'));
  const session = await node.connect(await node.grant('ada'));
  for (const name of ['search', 'schema', 'call', 'batch', 'subscribe', 'gateway/search'])
    await assert.rejects(session.call(name, {}), { code: 'NOT_FOUND' }, name);
});

test('HTTP-77 an unknown event type is ignored', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  socket.send('call.invented', 'x', { any: 'thing' });
  assert.equal((await socket.of(socket.request('lab/echo', 1))).length, 1);
  assert.equal(socket.seen.length, 1);
});

test('HTTP-78 auth_token changes the identity of that call only, and one that does not resolve changes nothing', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const other = await node.grant('bob');
  const who = async (more: object) =>
    (await socket.of(socket.request('lab/who', null, more)))[0]?.payload['output'];
  assert.equal(await who({ auth_token: other }), 'bob');
  assert.equal(await who({}), 'ada');
  assert.equal(await who({ auth_token: `alk_${'x'.repeat(43)}` }), 'ada');
  assert.equal(await who({ auth_token: 7 }), 'ada');
  assert.ok(!node.log().includes(other));
});

test('HTTP-81 a message over the limit closes with 1009', async (t) => {
  const node = await labNode(t, {}, { frame: '64KiB' });
  const token = await node.grant('ada');
  const socket = await node.raw(token);
  const envelope = (size: number) => {
    const text = JSON.stringify({
      type: 'call.requested',
      id: 'a',
      payload: { operationId: '/lab/echo', input: '' },
    });
    return Buffer.from(text.replace('"input":""', `"input":"${'x'.repeat(size - text.length)}"`));
  };
  const fits = envelope(64 * 1024 - 200);
  socket.socket.send(fits);
  assert.equal((await socket.of('a'))[0]?.type, 'call.responded');
  socket.socket.send(envelope(64 * 1024 + 1));
  assert.equal((await socket.end()).code, 1009);
});

test('open sessions are counted in the metrics of the node', async (t) => {
  const node = await labNode(t, { metrics: true });
  const watcher = await node.grant('watcher', ['host:metrics']);
  const open = async () => {
    const response = await fetchText(`${node.origin}/metrics`, watcher);
    return /^alknet_http_streams\{[^}]*kind="websocket"[^}]*\} (\d+)$/m.exec(response)?.[1];
  };
  const sessions = [await node.connect(watcher), await node.connect(watcher)];
  await Promise.all(sessions.map((session) => session.call('lab/echo', 1)));
  assert.equal(await open(), '2');
  for (const session of sessions) session.close();
  while ((await open()) !== '0');
});

function fetchText(url: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const sent = get(url, { headers, rejectUnauthorized: false, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(text);
    });
    sent.on('error', reject);
  });
}
