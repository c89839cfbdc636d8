/** Server-sent events. `docs/spec/http.md` 10. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { eventually, type HttpNode, httpNode, versions } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode({
    config: { sse: { heartbeat: '200ms' } },
    top: { limits: { drain: '500ms', callTimeout: '1s' } },
  });
});
after(() => node.stop());

const subscribe = (operation: string, input: unknown = {}, version?: 'http/1.1' | 'h2') =>
  node.ask('/subscribe', { json: { operation, input } }, version);
const state = async () =>
  (await node.ask('/lab/state')).json() as { aborted: number; cleaned: number; produced: number };

/** A response that is read by hand. */
async function open(version: 'http/1.1' | 'h2', operation: string, input: unknown = {}) {
  const body = JSON.stringify({ operation, input });
  if (version === 'h2') {
    const session = await node.session();
    const stream = session.request({
      ':path': '/subscribe',
      ':method': 'POST',
      'content-type': 'application/json',
    });
    stream.on('error', () => {});
    stream.end(body);
    return { stream, leave: () => stream.close(8), end: () => session.destroy() };
  }
  const socket = await node.socket();
  socket.write(
    `POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return { stream: socket, leave: () => socket.destroy(), end: () => socket.destroy() };
}

test('HTTP-25 a call ends with 504 at limits.callTimeout; a subscription does not', async () => {
  const waiting = await open('http/1.1', 'lab/silent');
  let beats = 0;
  waiting.stream.on('data', (chunk: Buffer) => {
    beats += chunk.toString().split(':\n\n').length - 1;
  });
  const begun = performance.now();
  const reply = await node.ask('/call', { json: { operation: 'lab/wait' } });
  assert.equal(reply.status, 504);
  assert.ok(performance.now() - begun >= 900);
  // Its heart beats on. One beat may have been on its way.
  const before = beats;
  await eventually('two heartbeats more', () => beats >= before + 2);
  waiting.end();
});

for (const version of versions) {
  test(`HTTP-45 /subscribe emits one data frame a value, in order, and then ends (${version})`, async () => {
    const reply = await subscribe('lab/count', { n: 300 }, version);
    assert.equal(reply.status, 200);
    assert.equal(reply.text, Array.from({ length: 300 }, (_, n) => `data: ${n}\n\n`).join(''));
    assert.equal(reply.headers['cache-control'], 'no-store');
    assert.equal(reply.headers['x-accel-buffering'], 'no');
    assert.equal((await subscribe('lab/count', { n: 0 }, version)).text, '');
  });

  test(`HTTP-46 a failure after values is exactly one error event, and then the end (${version})`, async () => {
    const { text } = await subscribe('lab/breaks', { after: 2 }, version);
    assert.equal(
      text,
      'data: 0\n\ndata: 1\n\nevent: error\ndata: {"code":"DECLARED_TEAPOT","message":"no more","retryable":false}\n\n',
    );
  });

  test(`HTTP-49 a client that disconnects stops the handler and its descendants (${version})`, async () => {
    const before = await state();
    const { stream, leave, end } = await open(version, 'lab/composed');
    // The first heartbeat: the handler runs.
    await new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        if (chunk.includes(':\n\n')) resolve();
      });
    });
    leave();
    await eventually('the clean-up', async () => (await state()).cleaned === before.cleaned + 1);
    end();
  });

  test(`HTTP-50 a slow reader slows the handler, and nothing is lost (${version})`, async () => {
    const before = await state();
    const { stream, end } = await open(version, 'lab/count', { n: 2000, each: 10_000 });
    await once(stream, version === 'h2' ? 'response' : 'readable');
    stream.pause();
    let last = -1;
    await eventually(
      'the handler waits',
      async () => {
        // Nothing tells that a handler waits: it has produced nothing for this long.
        const { produced } = await state();
        const same = produced === last;
        last = produced;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return same && produced > before.produced;
      },
      20_000,
    );
    // Buffers of both sides and of the system: some megabytes of twenty.
    assert.ok(last - before.produced < 1500, `${last - before.produced} values for a reader that reads none`);
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.resume();
    await eventually('the rest', () => bytes >= 2000 * 10_010, 30_000);
    assert.equal((await state()).produced - before.produced, 2000);
    end();
  });
}

test('HTTP-47 what fails at once is a real status, and no event', async () => {
  const status = async (operation: string, input?: unknown) => (await subscribe(operation, input)).status;
  assert.equal(await status('lab/nothing'), 404);
  assert.equal(await status('lab/secret'), 401);
  assert.equal(await status('lab/echo'), 400);
  assert.equal(await status('lab/count', { n: 'x' }), 422);
  const failed = await subscribe('lab/breaks', { after: 0 });
  assert.deepEqual([failed.status, failed.headers['content-type']], [418, 'application/json']);
});

test('HTTP-48 a silent subscription sends a comment at each heartbeat', async () => {
  const { stream, end } = await open('http/1.1', 'lab/silent');
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await eventually('three heartbeats', () => text.split(':\n\n').length > 3);
  // Committed after a second without a value; then a comment each 200 ms (15 s by default).
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  end();
});
