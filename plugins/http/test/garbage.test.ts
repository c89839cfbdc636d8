/** That nothing of a request outlives it: what does is moved by the garbage collector, which costs more than the request. */

import assert from 'node:assert/strict';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { getHeapSpaceStatistics } from 'node:v8';
import { httpNode } from './node.ts';

/** Bytes among the old objects; they grow by what outlives a few collections of the young ones. */
const oldBytes = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;

/** One after the other on one connection; the answers are of one size. */
async function send(socket: TLSSocket, request: string, times: number): Promise<void> {
  let left = times;
  let size = 0;
  let received = 0;
  await new Promise<void>((resolve) => {
    const onData = (chunk: Buffer) => {
      received += chunk.length;
      if (size === 0) {
        const text = chunk.toString('latin1');
        assert.match(text, /^HTTP\/1\.1 200 /);
        size = text.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1]);
      }
      if (received < size) return;
      received -= size;
      if (--left > 0) return void socket.write(request);
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData);
    socket.write(request);
  });
}

function isMinor(entry: object): boolean {
  const detail = 'detail' in entry ? entry.detail : undefined;
  return (
    typeof detail === 'object' &&
    detail !== null &&
    'kind' in detail &&
    detail.kind === constants.NODE_PERFORMANCE_GC_MINOR
  );
}

test('nothing of a request outlives it', async (t) => {
  // What the node logs is kept by the test.
  const http = await httpNode({ top: { log: { level: 'error' } } });
  t.after(() => http.stop());
  const token = await http.grant('ann', ['**']);
  const socket = await http.socket('http/1.1');
  t.after(() => void socket.destroy());
  const body = JSON.stringify({ operation: 'lab/echo', input: { text: 'x'.repeat(100) } });
  const request = [
    'POST /call HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');

  let full = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!isMinor(entry)) full++;
  });
  observer.observe({ entryTypes: ['gc'] });
  t.after(() => observer.disconnect());

  // Until the code is compiled, what it compiles to is what grows.
  await send(socket, request, 6000);
  const times = 3000;
  const outlived: number[] = [];
  for (let round = 0; round < 20 && outlived.length < 3; round++) {
    const collections = full;
    const before = oldBytes();
    await send(socket, request, times);
    const grown = oldBytes() - before;
    // The observer is told in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve));
    // A full collection takes away what is to be counted.
    if (full === collections) outlived.push(grown / times);
  }
  assert.ok(outlived.length > 0, 'every round met a full collection');
  // A request allocates some 20 KB; whatever of it is kept, all of it is reached from there.
  t.diagnostic(`${outlived.map(Math.round)} bytes of each request outlived it`);
  assert.ok(Math.min(...outlived) < 1000, `${outlived.map(Math.round)} bytes of each request`);
});
