/** Clients that do not take the answers that they asked for. `docs/spec/http.md` 23. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { after, before, test } from 'node:test';
import { dialQuic } from './dial-quic.ts';
import { eventually, type HttpNode, httpNode, over, run, versions } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode({
    config: { limits: { answerTimeout: '1s', concurrent: 10_000 } },
    top: { limits: { drain: '500ms' } },
  });
});
after(() => node.stop());

/** More than the buffers of both systems hold on a loopback connection. */
const large = 32 * 1024 * 1024;
const path = `/lab/big?n=${large}`;

const warnings = () => node.log().filter(({ event }) => String(event).startsWith('answer given up'));

/** What was logged for a token's owner. */
async function warningFor(peer: string): Promise<Record<string, unknown>> {
  await eventually(`a warning that names ${peer}`, () => warnings().some((line) => line['peer'] === peer));
  return warnings().find((line) => line['peer'] === peer) ?? {};
}

for (const version of versions) {
  const flag = version === 'h2' ? '--http2' : '--http1.1';

  test(`HTTP-141 a client that takes its answer too slowly loses it, and the log names it (${version})`, async (t) => {
    const peer = `slow-${version.replace('/', '-')}`;
    const token = await node.grant(peer);
    // Its own buffers keep a curl that reads slowly from noticing that the connection is gone.
    const curl = spawn('curl', [
      ...['-sk', flag, '-o', '/dev/null', '--limit-rate', '1k'],
      ...['-H', `Authorization: Bearer ${token}`, node.url + path],
    ]);
    t.after(() => curl.kill());
    const line = await warningFor(peer);
    assert.deepEqual(
      [line['addr'], line['path'], line['reason']],
      ['127.0.0.1', '/lab/big', 'http.limits.answerTimeout'],
    );
    assert.ok(Number(line['bytes']) < large, `${line['bytes']} bytes were written`);
  });

  test(`a client that takes its answer steadily gets all of it, however long it takes (${version})`, async () => {
    const { code, stdout } = await run('curl', [
      ...['-sk', flag, '-o', '/dev/null', '-w', '%{size_download}'],
      ...['--limit-rate', '10M', node.url + path],
    ]);
    assert.deepEqual([code, Number(stdout)], [0, large + 2]);
  });
}

test('HTTP-141 an event stream waits for its reader, while the answer of another stream is given up', async (t) => {
  const session = await node.session();
  t.after(() => session.destroy());
  const events = session.request({ ':path': '/lab/count?n=300&each=10000', accept: 'text/event-stream' });
  await once(events, 'response');
  const plain = session.request({ ':path': path });
  plain.on('error', () => {});
  await once(plain, 'response');
  // Both are left alone; only one of them may wait for that.
  await new Promise((resolve) => plain.once('close', resolve));
  assert.equal(plain.rstCode, constants.NGHTTP2_CANCEL);
  let bytes = 0;
  events.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(events, 'end');
  assert.ok(bytes > 300 * 10_000);
});

test('HTTP-141 a client that grants HTTP/2 no window holds no answer, small ones neither', async (t) => {
  const session = connectHttp2(node.url, { rejectUnauthorized: false, settings: { initialWindowSize: 0 } });
  session.on('error', () => {});
  t.after(() => session.destroy());
  await once(session, 'connect');
  const before = warnings().length;
  const streams = ['/lab/hello?name=x', '/nope', path].map((each) => session.request({ ':path': each }));
  const codes = streams.map(async (stream) => {
    stream.on('error', () => {});
    await once(stream, 'response');
    stream.resume();
    await over(stream);
    return stream.rstCode;
  });
  const cancel = constants.NGHTTP2_CANCEL;
  assert.deepEqual(await Promise.all(codes), [cancel, cancel, cancel]);
  await eventually('the warnings', () => warnings().length >= before + 3);
});

test('HTTP-141 a client that asks on and on and reads nothing loses its connection', async () => {
  const socket = await node.socket();
  const before = warnings().length;
  // Each answer is small, and all of them are more than the systems hold.
  const request = 'GET /lab/big?n=60000 HTTP/1.1\r\nHost: x\r\n\r\n';
  socket.pause();
  socket.write(request.repeat(1000));
  await eventually('the warning', () => warnings().length > before, 20_000);
  socket.resume();
  await over(socket);
});

test('HTTP-141 a stream of a QUIC connection that is not read is reset, and the connection serves on', async (t) => {
  const connection = await dialQuic(t, node, 'http/1.1');
  const before = warnings().length;
  const slow = await connection.openStream();
  slow.on('error', () => {});
  slow.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await eventually('the warning', () => warnings().length > before, 20_000);
  slow.resume();
  await over(slow);
  const other = await connection.openStream();
  other.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [first] = (await once(other, 'data')) as [Buffer];
  assert.match(first.toString('latin1'), /^HTTP\/1\.1 200/);
});
