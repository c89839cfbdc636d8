import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { CloseCode, type Connection, ConnectionError, type Stream, StreamCode } from '../../src/index.ts';
import { connectionPair } from '../../src/testing/connection-pair.ts';

async function firstStream(connection: Connection): Promise<Stream> {
  for await (const stream of connection) return stream;
  throw new Error('the connection ended before a stream came');
}

async function text(stream: Duplex): Promise<string> {
  let all = '';
  // The default would destroy the stream at its end, and with it the other direction.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) all += chunk;
  return all;
}

test('a stream of the pair carries bytes and half-closes each way', async () => {
  const { client, server } = connectionPair('test/echo');
  const stream = await client.openStream();
  stream.end('question');
  const accepted = await firstStream(server);
  assert.equal(accepted.id, 0);
  assert.equal(await text(accepted), 'question');
  accepted.end('answer');
  assert.equal(await text(stream), 'answer');
});

test('a stream of the pair is invisible until its first byte', async () => {
  const { client, server } = connectionPair('test/echo');
  const silent = await client.openStream();
  const speaking = await client.openStream();
  speaking.write('x');
  assert.equal((await firstStream(server)).id, speaking.id);
  assert.notEqual(silent.id, speaking.id);
});

test('an unread stream of the pair stalls its writer, and no other stream', async () => {
  const { client, server } = connectionPair('test/echo', { highWaterMark: 1024 });
  const stalled = await client.openStream();
  while (stalled.write(Buffer.alloc(512)));
  const other = await client.openStream();
  other.end(Buffer.alloc(100_000, 'o'));
  const streams = server[Symbol.asyncIterator]();
  const unread = (await streams.next()).value;
  const read = (await streams.next()).value;
  assert.ok(unread && read);
  assert.equal((await text(read)).length, 100_000);
  assert.ok(stalled.writableNeedDrain);
  unread.resume();
  await once(stalled, 'drain');
});

test('destroy of a stream of the pair is STREAM_RESET with CANCELLED, or the code of its error', async () => {
  const { client, server } = connectionPair('test/echo');
  const streams = server[Symbol.asyncIterator]();
  for (const [error, code] of [
    [undefined, StreamCode.CANCELLED],
    [Object.assign(new Error('mine'), { streamCode: 77 }), 77],
  ] as const) {
    const stream = await client.openStream();
    stream.write('x');
    const accepted = (await streams.next()).value;
    assert.ok(accepted);
    const failed = once(accepted, 'error');
    stream.destroy(error);
    const [reason] = await failed;
    assert.ok(reason instanceof ConnectionError);
    assert.equal(reason.code, 'STREAM_RESET');
    assert.equal(reason.streamCode, code);
  }
});

test('after the peer ended and let go, reading goes on and the next write is STREAM_STOPPED', async () => {
  const { client, server } = connectionPair('test/echo');
  const stream = await client.openStream();
  stream.end('all of it');
  await once(stream, 'finish');
  const accepted = await firstStream(server);
  stream.destroy();
  assert.equal(
    await new Promise((resolve) => accepted.once('data', (chunk) => resolve(String(chunk)))),
    'all of it',
  );
  const failed = once(accepted, 'error');
  accepted.write('too late');
  const [reason] = await failed;
  assert.equal(reason.code, 'STREAM_STOPPED');
});

test('close of the pair arrives with code and reason, ends streams and iterators, and the first close wins', async () => {
  const { client, server } = connectionPair('test/echo');
  const stream = await client.openStream();
  stream.write('x');
  const streams = server[Symbol.asyncIterator]();
  const accepted = (await streams.next()).value;
  assert.ok(accepted);
  const failed = once(accepted, 'error');
  const next = streams.next();
  client.close(CloseCode.SHUTDOWN, 'shutdown');
  client.close(1, 'second');
  assert.deepEqual(await client.closed, { code: CloseCode.SHUTDOWN, reason: 'shutdown', by: 'local' });
  assert.deepEqual(await server.closed, { code: CloseCode.SHUTDOWN, reason: 'shutdown', by: 'peer' });
  assert.equal((await failed)[0].code, 'CONNECTION_CLOSED');
  assert.equal((await next).done, true);
  assert.ok(server.signal.aborted && client.signal.aborted);
  await assert.rejects(client.openStream(), { code: 'CONNECTION_CLOSED' });
});

test('openStream of the pair beyond the credit waits for a stream to end, and can be given up', async () => {
  const { client, server } = connectionPair('test/echo', { streams: 1 });
  const first = await client.openStream();
  const controller = new AbortController();
  const given = client.openStream({ signal: controller.signal });
  const waiting = client.openStream();
  controller.abort(new Error('given up'));
  await assert.rejects(given, /given up/);
  first.end('x');
  first.resume();
  const accepted = await firstStream(server);
  accepted.end();
  accepted.resume();
  assert.equal((await waiting).id, 4);
});
