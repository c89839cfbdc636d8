import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, firstStream } from '../../src/index.ts';
import { createTestNode } from '../../src/testing/index.ts';

const echo = definePlugin({
  name: 'echo',
  version: '1.0.0',
  alpns: ['echo/1'],
  start: () => ({
    async connection(connection) {
      for await (const stream of connection) stream.pipe(stream);
    },
  }),
});

test('there is a first stream on a connection of many streams and on one of a single stream', async (t) => {
  const node = await createTestNode(echo);
  t.after(() => node.stop());
  for (const singleStream of [false, true]) {
    const connection = node.connect({ alpn: 'echo/1', singleStream });
    assert.equal(connection.multiplexed, !singleStream);
    const stream = await firstStream(connection);
    stream.end('hello');
    let text = '';
    for await (const chunk of stream) text += chunk;
    assert.equal(text, 'hello');
  }
});

test('a connection of many streams that is over has none', async (t) => {
  const node = await createTestNode(echo);
  t.after(() => node.stop());
  const connection = node.connect({ alpn: 'echo/1' });
  connection.close();
  await assert.rejects(firstStream(connection), { name: 'ConnectionError', code: 'CONNECTION_CLOSED' });
});
