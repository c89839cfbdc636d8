import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket as NetSocket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Socket } from '../../src/websocket/socket.ts';

/** A socket of ours on a real TCP connection whose other end only reads. */
async function silentClient(t: TestContext) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { connect } = await import('node:net');
  const far = connect(address.port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [NetSocket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  const over = new Promise<number>((resolve) => {
    new Socket(
      near,
      { message: 1024, buffered: () => 1024 },
      { message: () => {}, flushed: () => {}, overfull: () => {}, over: (code) => resolve(code) },
    );
  });
  return { far, over };
}

/** A pong without content, masked as a client must. */
const pong = Buffer.of(0x8a, 0x80, 1, 2, 3, 4);

test('HTTP-81 a vanished client is noticed within 90 s', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { far, over } = await silentClient(t);
  t.mock.timers.tick(30_000);
  const [ping] = await once(far, 'data');
  assert.equal(ping[0], 0x89);
  t.mock.timers.tick(60_000);
  assert.equal(await over, 1006);
});

test('a client that answers pings lives', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { far, over } = await silentClient(t);
  let ended = false;
  void over.then(() => {
    ended = true;
  });
  for (let round = 0; round < 6; round++) {
    t.mock.timers.tick(30_000);
    await once(far, 'data');
    await new Promise<void>((resolve) => far.write(pong, () => resolve()));
    // It has been read when a ping of the client, sent behind it, is answered.
    const answered = once(far, 'data');
    far.write(Buffer.of(0x89, 0x80, 1, 2, 3, 4));
    await answered;
  }
  assert.equal(ended, false);
});
