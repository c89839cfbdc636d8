import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import {
  CloseCode,
  type Connection,
  ConnectionError,
  firstStream,
  type Stream,
  StreamCode,
} from '@alknet/sdk';
import { both, echo, type TestNodeOptions, testNode } from './support.ts';

/** Both ends of one connection to a plugin of the test's own. */
async function ends(t: TestContext, transport: 'quic' | 'tls', options: TestNodeOptions = {}) {
  const owner = echo('one', 'alknet/one', {
    connection(connection) {
      accept(connection);
      return connection.closed.then(() => {});
    },
  });
  let accept: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const node = await testNode(t, { ...options, owners: [owner] });
  const near = await node.dial({ alpn: 'alknet/one', transport });
  return { near, far: await accepted };
}

async function streams(near: Connection, far: Connection): Promise<[Stream, Stream]> {
  const opened = await firstStream(near);
  if (near.multiplexed) opened.write('!');
  const { value } = await far[Symbol.asyncIterator]().next();
  assert.ok(value);
  if (near.multiplexed) await once(value, 'data');
  return [opened, value];
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('END-26 1 MiB passes intact both ways over QUIC and TLS, in pieces down to one byte', async (t) => {
  for (const transport of both) {
    const { near, far } = await ends(t, transport);
    const [one, other] = await streams(near, far);
    const sent = randomBytes(1 << 20);
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const received = readAll(to);
      let at = 0;
      for (let size = 1; at < sent.length; size = at < 2000 ? 1 : size * 2) {
        if (!from.write(sent.subarray(at, at + size))) await once(from, 'drain');
        at += size;
      }
      from.end();
      assert.ok(sent.equals(await received));
    }
  }
});

test('END-28 after end() the data of the peer still arrives over QUIC and TLS', async (t) => {
  for (const transport of both) {
    const { near, far } = await ends(t, transport);
    const [one, other] = await streams(near, far);
    one.end('question');
    assert.equal((await readAll(other)).toString(), 'question');
    other.end('answer');
    assert.equal((await readAll(one)).toString(), 'answer');
  }
});

test('END-04 END-05 the contract of a connection over QUIC and TLS: one iterator, identify once', async (t) => {
  for (const transport of both) {
    const { near, far } = await ends(t, transport);
    far[Symbol.asyncIterator]();
    assert.throws(() => far[Symbol.asyncIterator](), /one iterator a connection/);
    far.identify({ id: 'ssh:alice', scopes: [], resources: {} });
    assert.throws(() => far.identify({ id: 'ssh:bob', scopes: [], resources: {} }), /identified already/);
    await assert.rejects(near.openUnidirectional(), { code: 'STREAM_CLOSED' });
    for await (const _stream of near.unidirectional) assert.fail('there are no one-way streams');
    if (!near.multiplexed) await assert.rejects(far.openStream(), { code: 'STREAM_CLOSED' });
  }
});

test('END-31 a stream error over QUIC and TLS that nobody listens to does not end the process', async (t) => {
  for (const transport of both) {
    const { near, far } = await ends(t, transport);
    const [one, other] = await streams(near, far);
    one.destroy(new Error('nobody listens'));
    other.resume().once('end', () => other.end());
    await new Promise((resolve) => other.once('close', resolve));
  }
});

test('END-27 a stalled reader stalls its own stream; another of the same QUIC connection carries 10 MiB meanwhile', async (t) => {
  const { near, far } = await ends(t, 'quic');
  const incoming = far[Symbol.asyncIterator]();
  const stalled = await near.openStream();
  const chunk = Buffer.alloc(65_536);
  // Nobody reads it: it fills its windows and then its own buffer.
  let asked = 0;
  const pump = () => {
    while (asked < 64 << 20) {
      asked += chunk.length;
      if (!stalled.write(chunk)) return;
    }
  };
  stalled.on('drain', pump);
  pump();
  const unread = (await incoming.next()).value as Stream;
  const busy = await near.openStream();
  const total = 10 << 20;
  void (async () => {
    for (let sent = 0; sent < total; sent += chunk.length) if (!busy.write(chunk)) await once(busy, 'drain');
    busy.end();
  })();
  const read = (await incoming.next()).value as Stream;
  let received = 0;
  for await (const data of read) received += data.length;
  assert.equal(received, total);
  assert.ok(stalled.writableNeedDrain && asked < 64 << 20, 'the unread stream is stalled');
  assert.ok(unread.readableLength <= 2 * 65_536);
});

test('END-29 destroy() is seen as STREAM_RESET with CANCELLED, and a custom streamCode arrives unchanged', async (t) => {
  const { near, far } = await ends(t, 'quic');
  const incoming = far[Symbol.asyncIterator]();
  for (const [error, code] of [
    [undefined, StreamCode.CANCELLED],
    [Object.assign(new Error('mine'), { streamCode: 77 }), 77],
  ] as const) {
    const stream = await near.openStream();
    stream.write('x');
    const accepted = (await incoming.next()).value as Stream;
    accepted.resume();
    const failed = new Promise((resolve) => accepted.once('error', resolve));
    stream.destroy(error);
    const reason = await failed;
    assert.ok(reason instanceof ConnectionError);
    assert.deepEqual([reason.code, reason.streamCode], ['STREAM_RESET', code]);
  }
});

test('END-32 openStream beyond the credit waits and goes on when a stream ends; aborting rejects it', async (t) => {
  const { near, far } = await ends(t, 'quic', { settings: { streamsPerConnection: 2 } });
  const incoming = far[Symbol.asyncIterator]();
  const open = [await near.openStream(), await near.openStream()];
  for (const stream of open) stream.write('x');
  const controller = new AbortController();
  const given = near.openStream({ signal: controller.signal });
  let opened = false;
  const waiting = near.openStream().then((stream) => {
    opened = true;
    return stream;
  });
  controller.abort(new Error('given up'));
  await assert.rejects(given, /given up/);
  // Two streams that begin in one turn may arrive in either order.
  const arrived = [(await incoming.next()).value as Stream, (await incoming.next()).value as Stream];
  const first = arrived.find(({ id }) => id === open[0]?.id);
  assert.equal(opened, false);
  open[0]?.resume().end();
  first?.resume().end();
  (await waiting).end('third');
  assert.equal((await readAll((await incoming.next()).value as Stream)).toString(), 'third');
});

test('END-33 close(code, reason) arrives on QUIC; the second call changes nothing', async (t) => {
  const { near, far } = await ends(t, 'quic');
  const [one] = await streams(near, far);
  const failed = new Promise<Error & { code?: string }>((resolve) => one.once('error', resolve));
  far.close(4242, 'é'.repeat(200));
  far.close(CloseCode.DONE, 'again');
  const reason = 'é'.repeat(128);
  assert.deepEqual(await far.closed, { code: 4242, reason, by: 'local' });
  assert.deepEqual(await near.closed, { code: 4242, reason, by: 'peer' });
  assert.equal((await failed).code, 'CONNECTION_CLOSED');
  assert.ok(near.signal.aborted && far.signal.aborted);
  await assert.rejects(near.openStream(), { code: 'CONNECTION_CLOSED' });
  assert.throws(() => far.close(-1), RangeError);
});
