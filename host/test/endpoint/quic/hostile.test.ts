import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CloseCode } from '@alknet/sdk';
import { echo, listening, rawClient, roundTrip, send, turn, udpSocket, until } from './support.ts';

test('END-37 a connection that floods with PINGs is closed with LIMIT', async (t) => {
  const server = await listening(t);
  const bystander = await server.dial();
  echo(await server.next());
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  const accepted = await server.next();
  let sent = 0;
  while (client.native.peerError() === null && sent < 5000) {
    client.native.sendAckEliciting();
    client.flush();
    sent++;
    if (sent % 16 === 0) await turn();
  }
  const closed = await accepted.closed;
  assert.deepEqual({ code: closed.code, by: closed.by }, { code: CloseCode.LIMIT, by: 'host' });
  await client.until(() => client.native.peerError() !== null);
  assert.equal(client.native.peerError()?.errorCode, CloseCode.LIMIT);
  assert.equal((await roundTrip(bystander, Buffer.from('hi'))).toString(), 'hi');
});

test('END-39 datagrams of a connection from another port are ignored and the connection lives', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const client = await rawClient(t, server.address);
  await client.until(() => client.native.isEstablished());
  await server.next();
  const count = client.sent.length;
  client.native.streamSend(0, Buffer.from('mine'), false);
  const out = Buffer.alloc(1350);
  const stolen: Buffer[] = [];
  for (let result = client.native.send(out); result !== null; result = client.native.send(out))
    stolen.push(Buffer.from(out.subarray(0, result[0])));
  assert(stolen.length > 0 && client.sent.length === count);
  const other = await udpSocket(t);
  let answers = 0;
  other.on('message', () => {
    answers++;
  });
  for (const datagram of stolen) await send(other, Buffer.from(datagram), server.address);
  await until(() => (server.listener.dropped['other address'] ?? 0) >= stolen.length);
  assert.equal(server.accepted[0]?.stats().streams, 0);
  // The very same datagrams from the right port.
  for (const datagram of stolen) await send(client.socket, datagram, server.address);
  const back = Buffer.alloc(100);
  let read: [number, boolean] | null = null;
  await client.until(() => {
    try {
      read = client.native.streamRecv(0, back);
    } catch {
      return false;
    }
    return read !== null;
  });
  assert.equal(back.toString('utf8', 0, 4), 'mine');
  assert.equal(answers, 0);
});

test('CONNECTION_CLOSE in the clear from another port ends no connection', async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const dialled = await server.dial();
  const other = await udpSocket(t);
  for (let i = 0; i < 100; i++) {
    const datagram = randomBytes(1200);
    datagram[0] = 0x40;
    await send(other, datagram, server.address);
  }
  assert.equal((await roundTrip(dialled, Buffer.from('hi'))).toString(), 'hi');
});
