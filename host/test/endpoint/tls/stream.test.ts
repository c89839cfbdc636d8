import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { resetWhenDestroyed } from '../../../src/endpoint/tls/connection.ts';
import { errorOf, listening, readAll, streamOf, tuning } from './support.ts';

test('END-26 1 MiB passes intact both ways over TLS, in pieces down to one byte', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  const [near, far] = await Promise.all([streamOf(client), server.next().then(streamOf)]);
  const sent = randomBytes(1 << 20);
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    const received = readAll(to);
    let at = 0;
    for (let size = 1; at < sent.length; size = at < 3000 ? 1 : size * 2) {
      if (!from.write(sent.subarray(at, at + size))) await once(from, 'drain');
      at += size;
    }
    from.end();
    assert.ok(sent.equals(await received));
  }
});

test('END-28 after end() the data of the peer still arrives over TLS, and both ends see the connection end', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  const accepted = await server.next();
  const [near, far] = await Promise.all([streamOf(client), streamOf(accepted)]);
  near.end('question');
  assert.equal((await readAll(far)).toString(), 'question');
  const answer = randomBytes(300_000);
  far.end(answer);
  assert.ok(answer.equals(await readAll(near)));
  assert.deepEqual(await accepted.closed, { code: 0, reason: '', by: 'peer' });
  assert.deepEqual(await client.closed, { code: 0, reason: '', by: 'local' });
});

test('END-30 a TCP reset reads as STREAM_RESET, and the connection is over by the transport', async (t) => {
  const server = await listening(t);
  const tcp = connectTcp(server.address.port, '127.0.0.1');
  const tls = connectTls({ socket: tcp, ALPNProtocols: ['test/echo'], rejectUnauthorized: false });
  tls.on('error', () => {});
  const accepted = await server.next();
  const stream = await streamOf(accepted);
  stream.resume();
  stream.write('x');
  await once(tls, 'data');
  const failed = errorOf(stream);
  resetWhenDestroyed(tcp);
  tcp.destroy();
  assert.equal((await failed).code, 'STREAM_RESET');
  assert.equal((await accepted.closed).by, 'transport');
});

test('END-29 destroy() of a TLS stream that was not ended is STREAM_RESET for the peer, not a proper end', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  const accepted = await server.next();
  const [near, far] = await Promise.all([streamOf(client), streamOf(accepted)]);
  // libuv reports bytes and a reset that arrive together as bytes and an end, so let the bytes arrive first.
  near.write('the beginning');
  await once(far, 'data');
  const failed = errorOf(far);
  near.destroy();
  assert.equal((await failed).code, 'STREAM_RESET');
  assert.deepEqual(await client.closed, { code: 0, reason: '', by: 'local' });
});

test('close() of a TLS connection with nothing unsent is a proper end for the peer, and destroys the own stream', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  const accepted = await server.next();
  const [near, far] = await Promise.all([streamOf(client), streamOf(accepted)]);
  near.write('last words');
  await client.flushed?.();
  const failed = errorOf(near);
  client.close(5, 'stays here');
  client.close(6, 'too late');
  assert.equal((await readAll(far)).toString(), 'last words');
  assert.equal((await failed).code, 'CONNECTION_CLOSED');
  assert.deepEqual(await client.closed, { code: 5, reason: 'stays here', by: 'local' });
});

test('close() of a TLS connection loses nothing that was flushed, whatever of the peer is unread or still to come', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  const accepted = await server.next();
  const [near, far] = await Promise.all([streamOf(client), streamOf(accepted)]);
  const failed = errorOf(far);
  // More than `near` takes ahead of its reader: the rest waits in the system.
  far.write(randomBytes(400_000));
  while (client.stats().buffered === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const sent = randomBytes(300_000);
  near.end(sent);
  await client.flushed?.();
  const closed = once(near, 'close').catch(() => {});
  client.close(0, '');
  // A reader that is late, and speaks once more before it reads.
  await new Promise((resolve) => setTimeout(resolve, 50));
  far.write('more');
  assert.ok(sent.equals(await Promise.race([readAll(far), failed.then(() => Buffer.alloc(0))])));
  far.end();
  assert.deepEqual(await accepted.closed, { code: 0, reason: '', by: 'peer' });
  await closed;
});

test('a peer that does not end after close() of a TLS connection is waited for in bounds of time and bytes', async (t) => {
  for (const talk of [false, true]) {
    const server = await listening(t);
    const client = await server.dial();
    const accepted = await server.next();
    const [near, far] = await Promise.all([streamOf(client), streamOf(accepted)]);
    near.write('!');
    await once(far, 'data');
    const failed = errorOf(far);
    const told = errorOf(near);
    let isClosed = false;
    const closed = new Promise<void>((resolve) => {
      near.once('close', () => {
        isClosed = true;
        resolve();
      });
    });
    client.close(0, '');
    assert.equal((await told).code, 'CONNECTION_CLOSED');
    assert.equal(isClosed, false, 'its plugin is told before the socket is closed');
    const pump = () => {
      while (talk && far.write(Buffer.alloc(65_536)));
    };
    far.on('drain', pump);
    pump();
    await closed;
    const late = setInterval(() => far.write('too late'), 10);
    assert.equal((await failed).code, 'STREAM_RESET');
    clearInterval(late);
  }
});

test('writing after end() on a TLS stream is STREAM_CLOSED', async (t) => {
  const server = await listening(t);
  const near = await streamOf(await server.dial());
  const failed = errorOf(near);
  near.end();
  near.write('x');
  assert.equal((await failed).code, 'STREAM_CLOSED');
});

test('END-31 an error of a TLS stream that nobody listens to does not end the process', async (t) => {
  const server = await listening(t);
  const client = await server.dial();
  await streamOf(client).then((stream) => stream.destroy(new Error('nobody listens')));
  assert.deepEqual(await client.closed, { code: 0, reason: 'nobody listens', by: 'local' });
});

test('an unread TLS stream stalls its sender', async (t) => {
  const server = await listening(t);
  const near = await streamOf(await server.dial());
  const far = await server.next();
  let written = 0;
  const chunk = Buffer.alloc(1 << 16);
  // Until nothing moves for a while: kernel buffers are full and our own holds at most its high-water mark.
  for (;;) {
    written += chunk.length;
    if (near.write(chunk)) continue;
    const moved = await Promise.race([
      once(near, 'drain').then(() => true),
      new Promise((resolve) => setTimeout(resolve, 300, false)),
    ]);
    if (!moved) break;
  }
  assert.ok(far.stats().buffered <= 2 * 65_536, `${far.stats().buffered} bytes wait unread`);
  let received = 0;
  (await streamOf(far)).on('data', (data: Buffer) => {
    received += data.length;
  });
  near.end();
  await once(near, 'finish');
  await new Promise<void>((resolve) => {
    const look = () => (received === written ? resolve() : setImmediate(look));
    look();
  });
});

test('a TLS connection without a byte either way ends after limits.tlsIdleTimeout', async (t) => {
  const server = await listening(t, { listen: { tuning: { ...tuning, tlsIdleTimeout: 100 } } });
  await server.dial();
  const accepted = await server.next();
  const failed = errorOf(await streamOf(accepted));
  assert.equal((await failed).code, 'TIMEOUT');
  assert.match((await accepted.closed).reason, /tlsIdleTimeout/);
});
