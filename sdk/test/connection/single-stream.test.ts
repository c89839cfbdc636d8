import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { type AuthContext, connectionFromStream, cutReason } from '../../src/index.ts';

const auth: AuthContext = {
  alpn: 'test/echo',
  transport: 'dispatch',
  remote: null,
  fingerprint: null,
  identity: null,
};

/** Two Duplexes, what is written to one is read from the other. */
function duplexes(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}

test('END-04 a connection of one Duplex yields one stream, is over only when that is, and refuses openStream', async () => {
  const [near, far] = duplexes();
  const connection = connectionFromStream(near, { alpn: 'test/echo', auth });
  const streams = connection[Symbol.asyncIterator]();
  const { value: stream } = await streams.next();
  assert.ok(stream);
  assert.equal(stream, near);
  assert.equal(stream.id, 0);
  await assert.rejects(connection.openStream(), { code: 'STREAM_CLOSED' });

  let over = false;
  const next = streams.next().then((result) => {
    over = true;
    return result;
  });
  far.end('last words');
  let read = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) read += chunk;
  assert.equal(read, 'last words');
  assert.equal(over, false, 'the other direction is still open');
  stream.end();
  assert.equal((await next).done, true);
  assert.deepEqual(await connection.closed, { code: 0, reason: '', by: 'peer' });
  assert.ok(connection.signal.aborted);
});

test('END-04 a second iterator throws', () => {
  const [near] = duplexes();
  const connection = connectionFromStream(near, { alpn: 'test/echo', auth });
  connection[Symbol.asyncIterator]();
  assert.throws(() => connection[Symbol.asyncIterator](), /one iterator a connection/);
});

test('END-05 identify works once and throws the second time', () => {
  const [near] = duplexes();
  const connection = connectionFromStream(near, { alpn: 'test/echo', auth });
  const identity = { id: 'ssh:alice', scopes: [], resources: {} };
  connection.identify(identity);
  assert.throws(() => connection.identify(identity), /identified already, as ssh:alice/);
});

test('END-09 close of a single-stream connection ends the stream, then destroys it; the code stays local', async () => {
  const [near, far] = duplexes();
  const connection = connectionFromStream(near, { alpn: 'test/echo', auth });
  far.resume();
  const ended = once(far, 'end');
  const destroyed = new Promise((resolve) => near.once('close', resolve));
  connection.close(7, 'enough');
  connection.close(8, 'again');
  assert.deepEqual(await connection.closed, { code: 7, reason: 'enough', by: 'local' });
  await Promise.all([ended, destroyed]);
});

test('END-31 an error of a single stream that nobody listens to does not end the process', async () => {
  const [near] = duplexes();
  const connection = connectionFromStream(near, { alpn: 'test/echo', auth });
  near.destroy(new Error('nobody listens'));
  assert.deepEqual(await connection.closed, { code: 0, reason: 'nobody listens', by: 'transport' });
});

test('END-33 a close reason is cut to 256 bytes at a character boundary', () => {
  assert.equal(cutReason('x'.repeat(300)), 'x'.repeat(256));
  assert.equal(cutReason('€'.repeat(100)), '€'.repeat(85));
  assert.equal(cutReason('€'.repeat(85)), '€'.repeat(85));
});
