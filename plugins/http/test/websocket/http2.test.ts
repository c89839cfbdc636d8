import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type LabNode, labNode } from './node.ts';

/** A masked frame of a client, RFC 6455 5.2. */
function frame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const length =
    payload.length < 126
      ? Buffer.of(0x80 | payload.length)
      : Buffer.of(0x80 | 126, payload.length >> 8, payload.length & 0xff);
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.of(0x80 | opcode), length, mask, masked]);
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The unmasked frames of a server. */
async function* frames(stream: ClientHttp2Stream): AsyncGenerator<Frame, void, undefined> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const short = (bytes[1] ?? 0) & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < start) break;
      const length =
        short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      if (bytes.length < start + length) break;
      yield { opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(start, start + length) };
      bytes = bytes.subarray(start + length);
    }
  }
}

async function session(t: TestContext, node: LabNode) {
  const http2 = connect(node.origin, { rejectUnauthorized: false });
  t.after(() => http2.destroy());
  const [settings] = await once(http2, 'remoteSettings');
  assert.equal(settings.enableConnectProtocol, true);
  return http2;
}

test('HTTP-64 the session opens by HTTP/1.1 upgrade and by HTTP/2 extended CONNECT', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const http1 = await node.connect(token);
  assert.equal(await http1.call('lab/who'), 'ada');

  const http2 = await session(t, node);
  const stream = http2.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':path': '/alknet/call',
    ':authority': `127.0.0.1:${node.port}`,
    'sec-websocket-version': '13',
    'sec-websocket-protocol': `alknet.call, alknet.bearer.${token}`,
  });
  stream.on('error', () => {});
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 200);
  assert.equal(headers['sec-websocket-protocol'], 'alknet.call');
  assert.equal(headers['sec-websocket-accept'], undefined);
  const incoming = frames(stream);
  const next = async () => (await incoming.next()).value ?? { opcode: -1, payload: Buffer.alloc(0) };
  const send = (id: string, operationId: string, more: object = {}) =>
    stream.write(
      frame(
        2,
        Buffer.from(JSON.stringify({ type: 'call.requested', id, payload: { operationId, ...more } })),
      ),
    );

  send('1', '/lab/who');
  const answer = await next();
  assert.equal(answer.opcode, 2);
  assert.deepEqual(JSON.parse(answer.payload.toString()), {
    type: 'call.responded',
    id: '1',
    payload: { output: 'ada' },
  });
  send('2', '/lab/count', { input: { to: 3 }, window: 9 });
  const types = [];
  for (let n = 0; n < 4; n++) types.push(JSON.parse((await next()).payload.toString()).type);
  assert.deepEqual(types, ['call.responded', 'call.responded', 'call.responded', 'call.completed']);

  stream.write(frame(9, Buffer.from('here?')));
  const pong = await next();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [10, 'here?']);
  stream.write(frame(1, Buffer.from('text')));
  const close = await next();
  assert.equal(close.opcode, 8);
  assert.equal(close.payload.readUInt16BE(0), 1002);
});

test('an extended CONNECT without a token that resolves is 401, and other requests of the connection go on', async (t) => {
  const node = await labNode(t);
  const http2 = await session(t, node);
  const stream = http2.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':path': '/alknet/call',
    ':authority': `127.0.0.1:${node.port}`,
    'sec-websocket-version': '13',
  });
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 401);
  stream.resume().end();
  const [health] = await once(http2.request({ ':path': '/healthz' }), 'response');
  assert.equal(health[':status'], 200);
});
