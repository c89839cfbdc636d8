import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listening, readAll } from './support.ts';

test('ends that come after their data reach the peer when the congestion window is full', async (t) => {
  const answer = Buffer.alloc(8000, 'a');
  const server = await listening(t, {
    onAccepted: (connection) =>
      connection.serve(async (stream) => {
        await readAll(stream);
        // When quiche has the data: its end is not with it.
        stream.write(answer, () => stream.end());
      }),
  });
  const dialled = await server.dial();
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 400 }, async () => {
        const stream = await dialled.openStream();
        stream.end('request');
        return readAll(stream);
      }),
    );
    for (const received of answers) assert.deepEqual(received, answer);
  }
});
