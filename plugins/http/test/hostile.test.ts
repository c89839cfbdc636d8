/** Requests that are made to harm. `docs/spec/http.md` 2, 3, 23. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { fuzz } from '../../../host/test/fuzz.ts';
import { drained, type HttpNode, httpNode, over, run } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode({ config: { limits: { headerTimeout: '2s', bodyTimeout: '2s', keepAlive: '1s' } } });
});
after(() => node.stop());

const json = 'Content-Type: application/json\r\n';

/** The answers to what is written, as far as the server is willing to give any. */
async function answers(text: string): Promise<string> {
  const socket = await node.socket();
  socket.write(text, 'latin1');
  const quiet = setTimeout(() => socket.end(), 500);
  const read = await drained(socket);
  clearTimeout(quiet);
  return read;
}

test('smuggling: what two servers could read in two ways is refused, and nothing behind it is served', async () => {
  const inner = 'GET /lab/hello?name=smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const post = (fields: string, body: string) =>
    `POST /call HTTP/1.1\r\nHost: x\r\n${json}${fields}\r\n${body}`;
  const attempts: Record<string, string> = {
    'both lengths': post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${inner}`),
    'two lengths': post(`Content-Length: 2\r\nContent-Length: ${inner.length}\r\n`, `{}${inner}`),
    'a list of lengths': post('Content-Length: 2, 5\r\n', `{}${inner}`),
    'a signed length': post('Content-Length: +2\r\n', `{}${inner}`),
    'a length in hex': post('Content-Length: 0x2\r\n', `{}${inner}`),
    'a space before the colon': post('Content-Length : 2\r\n', `{}${inner}`),
    'a folded field': post('X: a\r\n b: c\r\nContent-Length: 2\r\n', `{}${inner}`),
    'bare LF': `GET /nope HTTP/1.1\nHost: x\n\n${inner}`,
    'bare CR in a value': `GET /nope HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n${inner}`,
    'NUL in a value': `GET /nope HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n${inner}`,
    'an unknown coding': post('Transfer-Encoding: gzip, chunked, identity\r\n', `0\r\n\r\n${inner}`),
    'chunked twice': post(
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
      `0\r\n\r\n${inner}`,
    ),
    'chunked in disguise': post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${inner}`),
    'a chunk size with a sign': post('Transfer-Encoding: chunked\r\n', `+2\r\n{}\r\n0\r\n\r\n${inner}`),
    'a chunk without its end': post('Transfer-Encoding: chunked\r\n', `2\r\n{}x\r\n0\r\n\r\n${inner}`),
    'no Host': `GET /lab/hello?name=smuggled HTTP/1.1\r\n\r\n${inner}`,
    'a space in the target': `GET /nope x HTTP/1.1\r\nHost: x\r\n\r\n${inner}`,
    'another protocol': `GET /lab/hello?name=smuggled HTCPCP/1.0\r\nHost: x\r\n\r\n${inner}`,
    'HTTP/0.9': 'GET /lab/hello?name=smuggled\r\n\r\n',
    'garbage before the line': `\0\0GET /nope HTTP/1.1\r\nHost: x\r\n\r\n${inner}`,
  };
  for (const [name, text] of Object.entries(attempts)) {
    const read = await answers(text);
    assert.ok(!read.includes('smuggled'), `${name}: ${read}`);
    // At most one answer, and that one is no success.
    assert.ok(!/HTTP\/1\.1 2\d\d/.test(read), `${name}: ${read}`);
    assert.ok((read.match(/HTTP\/1\.1 \d/g)?.length ?? 0) <= 1, `${name}: ${read}`);
  }
  // The same, written well, is two requests.
  const good = await answers(post('Transfer-Encoding: chunked\r\n', `2\r\n{}\r\n0\r\n\r\n${inner}`));
  assert.match(good, /smuggled/);
});

test('path tricks lead to nothing but the decoy', async () => {
  for (const path of [
    '/call/../lab/who',
    '/lab/%2e%2e/call',
    '//call',
    '/%63all/',
    '/call%00',
    '/call%2f',
    '/call;x=1',
    '/CALL',
    '/call%20',
    '/lab/who%',
    '/lab/%ff%fe',
    '/.well-known/../metrics',
    '*',
    'http:///lab/who',
  ]) {
    const read = await answers(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(read, /^HTTP\/1\.1 404 Not Found\r\nServer: nginx/, `${path}: ${read}`);
  }
  // RFC 9112 3.2.2: the absolute form is a way to say the same.
  assert.match(
    await answers('GET https://x/lab/hello?name=y HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n'),
    /"hello, y"$/,
  );
});

test('an upgrade or a tunnel asked for behind a request that is being answered ends that connection alone', async () => {
  const first = 'GET /lab/hello?name=x HTTP/1.1\r\nHost: x\r\n\r\n';
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n';
  for (const second of [
    `GET /alknet/call HTTP/1.1\r\nHost: x\r\n${upgrade}`,
    `GET /nope HTTP/1.1\r\nHost: x\r\n${upgrade}`,
    'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n',
  ])
    for (const requests of [first + second, first + first + second, second + second + first])
      for (let times = 0; times < 5; times++) {
        const socket = await node.socket();
        socket.resume();
        socket.end(requests);
        await over(socket);
      }
  assert.equal((await node.ask('/healthz')).status, 200);
});

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** RFC 9113 4.1. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** `:method GET`, `:scheme https`, `:path /lab/wait`, `:authority x`; RFC 7541 6.1 and 6.2.2. */
const waiting = Buffer.concat([
  Buffer.from([0x82, 0x87, 0x04, 9]),
  Buffer.from('/lab/wait'),
  Buffer.from([0x01, 1]),
  Buffer.from('x'),
]);

async function frames(): Promise<TLSSocket> {
  const socket = await node.socket('h2');
  socket.resume();
  socket.write(Buffer.concat([preface, frame(4, 0, 0)]));
  return socket;
}

test('rapid resets end that connection, and others are served', async () => {
  const socket = await frames();
  const closed = over(socket);
  let stream = 1;
  const state = async () => (await node.ask('/lab/state')).json() as { ran: number; aborted: number };
  const flood = setInterval(() => {
    const batch = [];
    for (let n = 0; n < 500; n++, stream += 2)
      batch.push(frame(1, 5, stream, waiting), frame(3, 0, stream, Buffer.from([0, 0, 0, 8])));
    if (socket.writable) socket.write(Buffer.concat(batch));
  }, 5);
  assert.equal((await node.ask('/healthz', {}, 'h2')).status, 200);
  await closed;
  clearInterval(flood);
  // What had begun was aborted.
  const { ran, aborted } = await state();
  assert.equal(aborted, ran);
  assert.equal((await node.ask('/healthz', {}, 'h2')).status, 200);
});

test('a flood of CONTINUATION frames ends that connection', async () => {
  const socket = await frames();
  const closed = over(socket);
  socket.write(frame(1, 1, 1, waiting));
  // A field without indexing, 4 KiB long, again and again: RFC 7541 6.2.2.
  const field = Buffer.concat([Buffer.from([0x00, 1, 0x61, 0x7f, 0x81, 0x1f]), Buffer.alloc(4096, 0x62)]);
  const flood = setInterval(() => socket.writable && socket.write(frame(9, 0, 1, field)), 2);
  await closed;
  clearInterval(flood);
  assert.equal((await node.ask('/healthz', {}, 'h2')).status, 200);
});

test('floods of settings, pings and empty frames do not keep others from being served', async () => {
  const socket = await frames();
  const batch = Buffer.concat(
    Array.from({ length: 200 }, () => [
      frame(4, 0, 0),
      frame(6, 0, 0, Buffer.alloc(8)),
      frame(0, 0, 1),
    ]).flat(),
  );
  for (let n = 0; n < 20 && socket.writable; n++) socket.write(batch);
  for (let n = 0; n < 5; n++) assert.equal((await node.ask('/healthz', {}, 'h2')).status, 200);
  socket.destroy();
});

test('a client that opens more streams than it may loses its connection, and nobody else theirs', async () => {
  const socket = await frames();
  const closed = over(socket);
  const batch = [];
  for (let n = 0; n < 400; n++) batch.push(frame(1, 5, 1 + 2 * n, waiting));
  // Its settings are known to be in force once it has acknowledged ours.
  socket.write(Buffer.concat([frame(4, 1, 0), ...batch]));
  assert.equal((await node.ask('/healthz', {}, 'h2')).status, 200);
  await closed;
});

test('slowhttptest finds the server available under slow headers and slow bodies', async (t) => {
  const probe = await run('sh', ['-c', 'command -v slowhttptest']);
  if (probe.code !== 0) return t.skip('slowhttptest is missing: apt-get install slowhttptest');
  for (const mode of [
    ['-H', '-i', '1'],
    ['-B', '-i', '1', '-s', '8192'],
  ]) {
    const { stdout } = await run('slowhttptest', [
      ...mode,
      ...['-c', '60', '-r', '60', '-l', '6', '-p', '3', '-u', `${node.url}/call`],
    ]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of the terminal.
    const plain = stdout.replaceAll(/\u001b\[[0-9;]*m/g, '');
    const states = [...plain.matchAll(/service available:\s+(YES|NO)/g)].map(([, state]) => state);
    assert.ok(states.length > 0 && !states.includes('NO'), plain.slice(-2000));
  }
  assert.equal((await node.ask('/healthz')).status, 200);
});

test('HTTP-136 a load of malformed requests neither ends the process nor disturbs a concurrent good client', async (t) => {
  const random = fuzz(t);
  const heads = [
    'GET /lab/echo HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST /call HTTP/1.1\r\nHost: x\r\n${json}Content-Length: 26\r\n\r\n{"operation":"lab/echo"   }`,
    `POST /batch HTTP/1.1\r\nHost: x\r\n${json}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`,
    'GET /alknet/call HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'OPTIONS /call HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nAccess-Control-Request-Method: POST\r\n\r\n',
  ];
  const other = Buffer.from(heads.join(''));
  const mutated = (bytes: Buffer) => random.mutate(bytes, other);
  const http1 = async () => {
    const socket = await node.socket();
    socket.resume();
    socket.write(mutated(Buffer.from(random.one(heads))));
    socket.end();
    await over(socket);
  };
  const http2 = async () => {
    const socket = await node.socket('h2');
    socket.resume();
    const parts = [preface, frame(4, 0, 0)];
    for (let n = 0; n < 20; n++)
      parts.push(
        random.one([
          frame(random.pick(13), random.pick(256), random.pick(10), random.bytes(random.pick(65))),
          frame(1, 5, 1 + 2 * n, mutated(waiting)),
          frame(1, 4, 1 + 2 * n, waiting),
        ]),
      );
    socket.write(Buffer.concat(parts));
    socket.end(randomBytes(16));
    await over(socket);
  };
  let sent = 0;
  const load = async (attack: () => Promise<void>) => {
    while (random.goesOn) {
      await attack().catch(() => {});
      sent++;
    }
  };
  let good = 0;
  const client = async () => {
    const session = await node.session();
    while (random.goesOn) {
      const stream = session.request({ ':path': `/lab/hello?name=${good}` });
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      await once(stream, 'end');
      assert.equal(Buffer.concat(chunks).toString(), `"hello, ${good}"`);
      assert.equal((await node.ask('/lab/hello?name=x')).text, '"hello, x"');
      good++;
    }
    session.close();
  };
  await Promise.all([load(http1), load(http1), load(http2), load(http2), client()]);
  assert.ok(sent > 20 && good > 3, `${sent} malformed, ${good} good`);
  assert.equal((await node.ask('/healthz')).status, 200);
});
