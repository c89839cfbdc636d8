import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Connection, Stream } from '@alknet/sdk';
import type { TestNode } from '@alknet/sdk/testing';
import { both, hasSeen } from './support.ts';

async function ask(connection: Connection, behaviour: string): Promise<Stream> {
  const stream = await connection.openStream();
  stream.on('error', () => {});
  stream.write(`${behaviour}\n`);
  return stream;
}

async function read(stream: Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const connect = (node: TestNode) => node.connect({ alpn: 'all/1' });

both('bytes pass intact both ways, in pieces down to one byte', {}, async (node) => {
  const connection = connect(node);
  const data = randomBytes(1 << 20);
  const stream = await ask(connection, 'echo');
  const echoed = read(stream);
  for (let at = 0, size = 1; at < data.length; at += size, size = Math.min(size * 2, 100_000)) {
    if (!stream.write(data.subarray(at, at + size))) await once(stream, 'drain');
  }
  stream.end();
  assert.ok((await echoed).equals(data));
  const slow = await ask(connection, 'echo');
  const single = read(slow);
  for (const byte of data.subarray(0, 300)) slow.write(Buffer.of(byte));
  slow.end();
  assert.ok((await single).equals(data.subarray(0, 300)));
});

both('after end() the data of the other side still arrives', {}, async (node) => {
  const stream = await ask(connect(node), 'length');
  stream.end(Buffer.alloc(200_000));
  assert.equal(String(await read(stream)), '200000');
});

both('a stalled reader stalls its own stream and no other', {}, async (node) => {
  const connection = connect(node);
  const stalled = await ask(connection, 'stall');
  const chunk = Buffer.alloc(65_536);
  let written = 0;
  // Each write is asked whether it has been taken; in the end none is.
  for (;;) {
    const taken = new Promise<true>((resolve) => stalled.write(chunk, () => resolve(true)));
    written += chunk.length;
    const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), 300));
    if (!(await Promise.race([taken, late]))) break;
    assert.ok(written < 8 << 20, `${written} bytes were taken from a stream that nobody reads`);
  }
  const other = await ask(connection, 'echo');
  const data = randomBytes(4 << 20);
  const echoed = read(other);
  other.end(data);
  assert.ok((await echoed).equals(data));
  stalled.end();
  const released = await ask(connection, 'release');
  assert.equal(String(await read(released)), 'released');
  assert.equal(String(await read(stalled)), String(written));
});

both('a writer is held back while nobody reads', {}, async (node) => {
  const connection = connect(node);
  const poured = await ask(connection, 'pour');
  await once(poured, 'readable');
  const echo = await ask(connection, 'echo');
  echo.end('x');
  await read(echo);
  assert.ok(poured.readableLength < 1 << 20);
  poured.destroy(Object.assign(new Error('enough'), { streamCode: 9 }));
  await hasSeen(node, ['pour STREAM_RESET 9']);
});

both('a reset reaches the other side with its code, in both directions', {}, async (node) => {
  const connection = connect(node);
  const reset = await connection.openStream();
  const failed = once(reset, 'error');
  reset.write('reset\n');
  const [error] = await failed;
  assert.deepEqual([error.code, error.streamCode], ['STREAM_RESET', 77]);
  const told = await ask(connection, 'tellReset');
  await once(told, 'data');
  told.destroy(Object.assign(new Error('no more'), { streamCode: 55 }));
  await hasSeen(node, ['peer STREAM_RESET 55']);
});

both('the plugin opens streams of its own', {}, async (node) => {
  const connection = connect(node);
  const streams = connection[Symbol.asyncIterator]();
  const call = await ask(connection, 'callBack');
  const { value } = await streams.next();
  assert.ok(value !== undefined);
  assert.equal(String(await read(value)), 'opened by the plugin on all/1');
  await read(call);
});

both('close(code, reason) of the plugin arrives as such, and its streams are over', {}, async (node) => {
  const connection = connect(node);
  const open = await ask(connection, 'echo');
  const failed = once(open, 'error');
  await ask(connection, 'close');
  assert.deepEqual(await connection.closed, { code: 42, reason: 'that was all', by: 'peer' });
  assert.equal((await failed)[0].code, 'CONNECTION_CLOSED');
});

both('close(code, reason) of the client ends the iteration and aborts the signal', {}, async (node) => {
  const connection = connect(node);
  const stream = await ask(connection, 'length');
  stream.end('1');
  await read(stream);
  connection.close(5, 'bye');
  await hasSeen(node, ['let go', 'streams over']);
});

both('a plugin that throws ends its connection only, with HANDLER_ERROR', {}, async (node) => {
  const bad = connect(node);
  const good = connect(node);
  await ask(bad, 'throw');
  assert.equal((await bad.closed).code, 0xa1c2);
  const stream = await ask(good, 'length');
  stream.end('abc');
  assert.equal(String(await read(stream)), '3');
});

both('identify works once', {}, async (node) => {
  const stream = await ask(connect(node), 'identify');
  assert.equal(String(await read(stream)), 'Error: connection ID is identified already, as all:alice');
});

for (const singleStream of [false, true]) {
  const kind = singleStream ? 'single-stream' : 'many-stream';
  both(`a ${kind} connection says what it is`, {}, async (node) => {
    const identity = { id: 'ada', scopes: ['x'], resources: { y: ['z'] } };
    const connection = node.connect({ alpn: 'all/1', identity, fingerprint: 'ed25519:01', singleStream });
    let stream: Stream | undefined;
    if (singleStream) stream = (await connection[Symbol.asyncIterator]().next()).value;
    else stream = await connection.openStream();
    assert.ok(stream !== undefined);
    stream.write('facts\n');
    const facts = JSON.parse(String(await read(stream)));
    assert.deepEqual(
      [facts.id, facts.alpn, facts.multiplexed, facts.auth.identity, facts.auth.fingerprint],
      [true, 'all/1', !singleStream, identity, 'ed25519:01'],
    );
    stream.end();
    await hasSeen(node, singleStream ? ['streams over'] : []);
  });
}
