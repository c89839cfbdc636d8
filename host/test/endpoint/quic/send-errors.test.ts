import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:dgram';
import { type TestContext, test } from 'node:test';
import { echo, listening, roundTrip } from './support.ts';

/**
 * Has the system refuse every `each`th datagram of this process that comes from `port`, as it does when its queue for a network
 * interface is full: the one such error that cannot be had from loopback.
 */
function full(t: TestContext, port: number, each: number): { readonly refused: () => number } {
  let sends = 0;
  let refused = 0;
  const send = Socket.prototype.send;
  t.mock.method(Socket.prototype, 'send', function (this: Socket, ...args: Parameters<typeof send>) {
    const done: unknown = args.at(-1);
    if (this.address().port !== port || ++sends % each !== 0 || typeof done !== 'function')
      return Reflect.apply(send, this, args);
    refused++;
    process.nextTick(done, Object.assign(new Error('send ENOBUFS'), { code: 'ENOBUFS' }));
  });
  return { refused: () => refused };
}

test('a datagram that the system refuses for want of buffers is a lost one: counted, and sent again', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const system = full(t, server.address.port, 7);
  const connection = await server.dial();
  const data = randomBytes(1 << 20);
  assert((await roundTrip(connection, data)).equals(data));
  assert(system.refused() > 5, `${system.refused()} datagrams refused`);
  assert.equal(server.listener.dropped['socket'], system.refused());
});
