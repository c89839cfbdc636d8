/** Change of the configuration, drain and end. `docs/spec/http.md` 2 and 23. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conformance } from '@alknet/sdk/testing';
import plugin from '../src/plugin.ts';
import { drained, eventually, httpNode, over, versions } from './node.ts';

conformance(plugin);

test('HTTP-134 every key takes effect without restart and without ending a stream; an invalid configuration leaves the old one', async (t) => {
  const node = await httpNode();
  t.after(() => node.stop());
  const stream = await node.socket();
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  stream.write('GET /lab/count?n=100000 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  await eventually('values', () => text.includes('data: 10\n'));
  const session = await node.session();

  await node.configure({ limits: { body: 10 } });
  assert.equal((await node.ask('/lab/echo', { json: 'more than ten' })).status, 413);
  await node.configure({ limits: { batch: 1 } });
  assert.equal((await node.ask('/batch', { json: [{}, {}] })).status, 422);
  await node.configure({ limits: { header: 200 } });
  assert.equal((await node.ask('/healthz', { headers: { x: 'a'.repeat(300) } })).status, 431);
  await node.configure({ limits: { bodyTimeout: '100ms' } });
  const slow = await node.socket();
  slow.write('POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n');
  assert.match(await drained(slow), /^HTTP\/1\.1 408/);
  await node.configure({ limits: { answerTimeout: '100ms' } });
  const unread = await node.socket();
  unread.write('GET /lab/big?n=30000000 HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the end of an answer that is not read', () =>
    node.log().some((line) => line['reason'] === 'http.limits.answerTimeout'),
  );
  unread.destroy();
  await node.configure({ limits: { headerTimeout: '100ms' } });
  const silent = await node.socket();
  silent.resume();
  silent.write('GET');
  await over(silent);
  await node.configure({ limits: { keepAlive: '100ms' } });
  const idle = await node.socket();
  idle.resume();
  await over(idle);
  await node.configure({ limits: { concurrent: 7 } });
  const later = await node.session();
  await eventually('the settings', () => later.remoteSettings.maxConcurrentStreams === 7);
  later.close();
  await node.configure({ sse: { heartbeat: '50ms' } });
  const beats = await node.socket();
  let heard = '';
  beats.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  beats.write('GET /lab/silent HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  await eventually('heartbeats', () => heard.split(':\n\n').length > 3);
  beats.destroy();
  await node.configure({ stealth: 'strict' });
  assert.equal((await node.ask('/lab/echo')).status, 404);
  await node.configure({ decoy: { kind: 'redirect', to: 'https://example.org' } });
  assert.equal((await node.ask('/nope')).status, 302);

  const before = node.log().length;
  await node.configure({ limits: { boddy: 1 } });
  assert.equal((await node.ask('/nope')).status, 302);
  assert.match(JSON.stringify(node.log().slice(before)), /boddy/);
  await node.configure({ decoy: { kind: 'nonsense' } });
  assert.equal((await node.ask('/nope')).status, 302);

  // What was in progress went on under what it began with.
  const seen = text.length;
  await eventually('more values', () => text.length > seen);
  assert.equal(stream.destroyed, false);
  assert.equal(session.destroyed, false);
  stream.destroy();
  session.destroy();
});

test('HTTP-135 at shutdown a request in progress finishes within the drain time; after it streams end as stated', async () => {
  for (const version of versions) {
    const node = await httpNode({ top: { limits: { drain: '1s' } } });
    let text = '';
    const ask = (path: string) =>
      node.ask(path, { headers: { accept: 'text/event-stream' } }, version).then(
        (reply) => reply,
        () => undefined,
      );
    const finishing = ask('/lab/brief');
    const waiting = ask('/lab/wait');
    const stream = await node.socket(version === 'h2' ? 'http/1.1' : version);
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    stream.write('GET /lab/silent HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    const idle = await node.socket(version);
    idle.resume();
    await eventually('both run', async () => {
      const { ran } = (await node.ask('/lab/state')).json() as { ran: number };
      return ran === 2 && text.includes('200 OK');
    });
    const begun = performance.now();
    const stopped = node.stop();
    // The operation ends by its own deadline, within the drain.
    assert.equal((await finishing)?.status, 504);
    await over(idle);
    await stopped;
    assert.ok(performance.now() - begun < 2500, `${performance.now() - begun} ms`);
    const given = await waiting;
    assert.deepEqual(
      [given?.status, given?.json()],
      [503, { code: 'INTERNAL', message: 'aborted', retryable: false }],
    );
    await over(stream);
    assert.match(
      text,
      /event: error\ndata: \{"code":"INTERNAL","message":"shutting down","retryable":false\}\n\n/,
    );
    assert.equal(text.split('event: error').length, 2);
  }
});
