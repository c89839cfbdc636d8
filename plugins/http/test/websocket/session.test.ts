import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labNode, type RawSocket } from './node.ts';

interface State {
  readonly ran: number;
  readonly aborted: number;
  readonly children: number;
  readonly yielded: number;
  readonly ended: number;
  /** What the last call to a client came to. */
  readonly asked: unknown;
}

async function state(socket: RawSocket): Promise<State> {
  const [answer] = await socket.of(socket.request('lab/state'));
  return answer?.payload['output'] as State;
}

/** Asks until it holds: what a handler does after its answer has no event of its own. */
async function until(socket: RawSocket, holds: (state: State) => boolean): Promise<void> {
  while (!holds(await state(socket)));
}

test('HTTP-70 a subscription gives n responded, then completed; abort stops it and what it started, and no frame follows', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const whole = socket.request('lab/count', { to: 100 }, { window: 1000 });
  const frames = await socket.of(whole, 101);
  assert.deepEqual(
    frames.map(({ type, payload }) => (type === 'call.responded' ? payload['output'] : type)),
    [...Array.from({ length: 100 }, (_, n) => n + 1), 'call.completed'],
  );

  const endless = socket.request('lab/count', { child: true }, { window: 65_536 });
  await socket.of(endless, 20);
  socket.send('call.aborted', endless);
  await until(socket, ({ ended, children }) => ended === 2 && children === 1);
  const after = socket.seen.filter(({ id }) => id === endless);
  assert.equal(after.at(-1)?.type, 'call.aborted');
  assert.equal(after.filter(({ type }) => type === 'call.aborted').length, 1);
  // Nothing came behind it while the node went on answering.
  await state(socket);
  assert.equal(socket.seen.filter(({ id }) => id === endless).length, after.length);
});

test('HTTP-71 slow calls overlap, a fast one overtakes them, and an abort interrupts one of them', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const [slow, other] = [socket.request('lab/wait'), socket.request('lab/wait')];
  const [fast] = await socket.of(socket.request('lab/echo', 'fast'));
  assert.equal(fast?.payload['output'], 'fast');
  assert.equal((await state(socket)).ran, 2);
  socket.send('call.aborted', slow);
  assert.deepEqual(await socket.of(slow), [{ type: 'call.aborted', id: slow, payload: {} }]);
  assert.equal((await state(socket)).aborted, 1);
  assert.equal(socket.seen.filter(({ id }) => id === other).length, 0);
});

test('HTTP-76 closing fails every pending request in both directions with INTERNAL connection closed', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const session = await node.connect(token);
  const watcher = await node.raw(token);
  const pending = session.call('lab/wait');
  await until(watcher, ({ ran }) => ran === 1);
  session.close();
  await assert.rejects(pending, { code: 'INTERNAL', message: 'connection closed', retryable: false });
  await until(watcher, ({ aborted }) => aborted === 1);

  // The other direction: the handler that waits for this client is told the same.
  const client = await node.raw(token);
  client.request('lab/ask', { name: 'page/slow' });
  const list = await client.requested('services/list');
  client.send('call.responded', list.id, { output: { operations: [pageSlow], revision: '1' } });
  await client.requested('page/slow');
  client.socket.terminate();
  while ((await state(watcher)).asked === null);
  assert.deepEqual((await state(watcher)).asked, { code: 'INTERNAL', message: 'connection closed' });
});

const pageSlow = {
  name: 'page/slow',
  namespace: 'page',
  op_type: 'query',
  description: '',
  spec: {
    name: 'page/slow',
    op_type: 'query',
    input_schema: {},
    output_schema: {},
    error_schemas: [],
    access_control: { required_scopes: [], required_scopes_any: null, authenticated: false },
  },
};

test('HTTP-79 with 256 requests running the 257th is held and served in its turn, an abort behind it is obeyed, and a running id is refused', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const running = Array.from({ length: 256 }, () => socket.request('lab/wait'));
  const held = socket.request('lab/echo', 'held');
  socket.send('call.requested', running[0] ?? '', { operationId: '/lab/echo' });
  const [refused] = await socket.of(running[0] ?? '');
  assert.equal(refused?.payload['message'], 'duplicate request id');
  assert.equal(socket.seen.filter(({ id }) => id === held).length, 0);
  socket.send('call.aborted', running[7] ?? '');
  assert.equal((await socket.of(running[7] ?? ''))[0]?.type, 'call.aborted');
  assert.deepEqual((await socket.of(held))[0]?.payload, { output: 'held' });
});

test('HTTP-80 disabling the peer closes its session with 1008 within 1 s, and no other', async (t) => {
  const node = await labNode(t);
  const [ada, bob] = [await node.raw(await node.grant('ada')), await node.raw(await node.grant('bob'))];
  const pending = ada.request('lab/wait');
  await node.disable('ada');
  // In use now.
  const started = performance.now();
  assert.deepEqual(await ada.end(), { code: 1008, reason: 'identity revoked' });
  assert.ok(performance.now() - started < 1000);
  assert.equal(ada.seen.find(({ id }) => id === pending)?.type, 'call.aborted');
  assert.equal((await bob.of(bob.request('lab/echo', 1))).length, 1);
  // A token that is replaced is gone, too.
  await node.grant('bob');
  assert.deepEqual(await bob.end(), { code: 1008, reason: 'identity revoked' });
});

test('HTTP-82 a client that stops reading, or gives no more credit, slows a subscription; memory stays bounded and other calls go on', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const watcher = await node.raw(token);

  const lazy = await node.raw(token);
  const few = lazy.request('lab/count', { to: 1000 }, { window: 5 });
  await lazy.of(few, 5);
  assert.equal((await lazy.of(lazy.request('lab/echo', 1))).length, 1);
  assert.equal(lazy.seen.filter(({ id }) => id === few).length, 5);
  assert.ok((await state(watcher)).yielded <= 6);
  lazy.send('call.window', few, { credit: 3 });
  await lazy.of(few, 8);

  const deaf = await node.raw(token);
  deaf.socket.pause();
  deaf.request('lab/count', { size: 100_000 });
  // What the kernel takes is some MiB; the rest waits in the generator. Two looks at the same number: it stands still.
  let before = -1;
  for (let now = 0; now !== before || now < 10; now = (await state(watcher)).yielded) {
    before = now;
    await watcher.of(watcher.request('lab/sleep', 300));
  }
  assert.ok(before * 100_000 < 32 * 1024 * 1024, `${before} values of 100 kB were made`);
});

test('more than wsBuffered waiting to be sent ends the session with 1013', async (t) => {
  const node = await labNode(t, { limits: { wsBuffered: '8MiB' } });
  const token = await node.grant('ada');
  const watcher = await node.raw(token);
  const deaf = await node.raw(token);
  const megabyte = 'x'.repeat(1024 * 1024);
  deaf.socket.pause();
  for (let sent = 0; sent < 40; sent++) deaf.request('lab/echo', megabyte);
  while (!node.log().includes('http.limits.wsBuffered')) await state(watcher);
  deaf.socket.resume();
  const { code } = await deaf.end();
  // The close frame stands behind what waits; one that does not read in time sees the end without it.
  assert.ok(code === 1013 || code === 1006, String(code));
  assert.ok(deaf.seen.length < 40);
});

test('a shutdown closes with 1001, and tells what it gave up', async (t) => {
  const node = await labNode(t);
  const socket = await node.raw(await node.grant('ada'));
  const pending = socket.request('lab/wait');
  await until(socket, ({ ran }) => ran === 1);
  const stopped = node.node.stop();
  const { code } = await socket.end();
  assert.equal(code, 1001);
  assert.equal(socket.seen.find(({ id }) => id === pending)?.type, 'call.aborted');
  await stopped;
});
