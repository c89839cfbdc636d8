import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { duplexPair } from '@alknet/sdk/testing';
import { join } from '../src/join.ts';

/** Two ends of one TCP connection, each with half-close. */
async function pair(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [near, far]) socket.on('error', () => {});
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

/** All that comes, without ending the other direction as an iterator would. */
async function text(socket: Duplex): Promise<string> {
  let all = '';
  socket.on('data', (chunk: Buffer) => {
    all += chunk;
  });
  await once(socket, 'end');
  return all;
}

describe('two joined streams', () => {
  test('carry an end in one direction while the other goes on', async (t) => {
    const [client, a] = await pair(t);
    const [target, b] = await pair(t);
    const joined = join(a, b);
    client.end('question');
    assert.equal(await text(target), 'question');
    target.end('answer, after the end of the question');
    assert.equal(await text(client), 'answer, after the end of the question');
    await joined;
  });

  test('end both when one breaks, so that what was cut off does not look whole', async (t) => {
    const [client, a] = await pair(t);
    const [target, b] = await pair(t);
    const joined = join(a, b);
    client.write('half of');
    await once(target, 'data');
    client.resetAndDestroy();
    await joined;
    assert.ok(b.destroyed);
  });

  test('hold a sender back while the other side does not read', async (t) => {
    const [client, a] = await pair(t);
    const [target, b] = await pair(t);
    void join(a, b);
    target.pause();
    const chunk = Buffer.alloc(64 * 1024);
    // Until nothing more is taken: the buffers of three sockets are full then, and no memory of ours grows.
    while (client.write(chunk) || client.writableLength < 1024 * 1024) if (client.writableNeedDrain) break;
    while (b.writableLength === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(b.writableLength < 2 * 1024 * 1024, String(b.writableLength));
    target.resume();
    client.end();
    await once(target, 'end');
  });

  test('let a slow reader have all that was given to its side, when the other has gone in order', async (t) => {
    const [client, a] = await pair(t);
    // The far side is held in memory, where nothing but the reader takes: what it was given waits there.
    const [b, target] = duplexPair({ highWaterMark: 1024 });
    const joined = join(a, b);
    target.end();
    client.resume();
    await once(client, 'end');
    client.end('x'.repeat(10_000));
    await once(a, 'close');
    assert.ok(!b.writableFinished);
    assert.equal((await text(target)).length, 10_000);
    await joined;
  });

  test('settle when one was gone before', async (t) => {
    const [, a] = await pair(t);
    const [, b] = await pair(t);
    a.destroy();
    await once(a, 'close');
    await join(a, b);
    assert.ok(b.destroyed);
  });
});
