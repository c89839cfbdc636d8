import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Socks5Handshake, type Step } from '../../src/client/socks5.ts';

const greeting = Buffer.from([5, 1, 0]);
const connectTo = (type: number, host: Buffer, port = 443) =>
  Buffer.concat([Buffer.from([5, 1, 0, type]), host, Buffer.from([port >> 8, port & 255])]);
const named = (name: string) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1')]);

/** All that a handshake answers to bytes in the given pieces, and its last step. */
function run(pieces: readonly Buffer[], handshake = new Socks5Handshake()): { answers: string; last: Step } {
  let answers = '';
  let last: Step = { kind: 'more' };
  for (const piece of pieces) {
    last = handshake.push(piece);
    answers += last.answer?.toString('hex') ?? '';
    if (last.kind !== 'more') break;
  }
  return { answers, last };
}

test('a name, an IPv4 and an IPv6 address are passed on as they are', () => {
  const ipv6 = Buffer.from('20010db8000000000000000000000001', 'hex');
  for (const [request, host] of [
    [connectTo(3, named('Example.COM')), 'Example.COM'],
    [connectTo(1, Buffer.from([192, 0, 2, 1])), '192.0.2.1'],
    [connectTo(4, ipv6), '2001:db8::1'],
  ] as const) {
    const { answers, last } = run([greeting, request]);
    assert.equal(answers, '0500');
    assert.ok(last.kind === 'connect');
    assert.deepEqual([last.host, last.port, last.early.length], [host, 443, 0]);
  }
});

test('any split of the bytes gives the same, and bytes behind the request are kept', () => {
  const all = Buffer.concat([greeting, connectTo(3, named('example.com')), Buffer.from('GET /')]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: all.length - 6 }), { maxLength: 6 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), all.length];
      const pieces = at.slice(1).map((end, i) => all.subarray(at[i], end));
      const { last, answers } = run(pieces);
      assert.equal(answers, '0500');
      assert.equal(last.kind, 'connect');
      if (last.kind === 'connect') {
        assert.equal(last.host, 'example.com');
        assert.equal(last.early.toString(), 'GET /');
      }
    }),
  );
});

test('a first byte other than 5 is closed without an answer', () => {
  for (const bytes of ['GET / HTTP/1.1\r\n', 'POST http://x/ HTTP/1.1\r\n', '\x04\x01'])
    assert.deepEqual(run([Buffer.from(bytes)]), { answers: '', last: { kind: 'close' } });
});

test('a greeting without an acceptable method gets 0xFF', () => {
  assert.equal(run([Buffer.from([5, 1, 2])]).answers, '05ff');
  assert.equal(run([Buffer.from([5, 0])]).answers, '05ff');
  assert.equal(run([greeting], new Socks5Handshake(() => true)).answers, '05ff');
});

test('BIND and UDP ASSOCIATE get reply 7, an unknown address type reply 8', () => {
  for (const command of [2, 3, 9]) {
    const request = Buffer.from([5, command, 0, 1, 1, 2, 3, 4, 0, 80]);
    assert.equal(run([greeting, request]).answers, '050005070001000000000000');
  }
  assert.equal(run([greeting, Buffer.from([5, 1, 0, 9, 1, 2])]).answers, '050005080001000000000000');
});

test('a name that is empty or not plain ASCII gets reply 1', () => {
  for (const name of ['', 'a\nb', 'a b', 'caf\xe9'])
    assert.equal(run([greeting, connectTo(3, named(name))]).answers, '050005010001000000000000', name);
});

test('a user is asked for where there are users', () => {
  const checked = (user: string, password: string) => user === 'ana' && password === 'sesame';
  const login = (user: string, password: string) =>
    Buffer.concat([Buffer.from([1]), named(user), named(password)]);
  const methods = Buffer.from([5, 2, 0, 2]);
  const good = run(
    [methods, login('ana', 'sesame'), connectTo(3, named('a.b'))],
    new Socks5Handshake(checked),
  );
  assert.equal(good.answers, '05020100');
  assert.equal(good.last.kind, 'connect');
  const bad = run([methods, login('ana', 'guess')], new Socks5Handshake(checked));
  assert.deepEqual([bad.answers, bad.last.kind], ['05020101', 'close']);
});

test('bytes without an end are closed, whatever they are', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 12 }), (pieces) => {
      const { last } = run([greeting, ...pieces.map((piece) => Buffer.from(piece))]);
      assert.ok(['more', 'close', 'connect'].includes(last.kind));
    }),
  );
});
