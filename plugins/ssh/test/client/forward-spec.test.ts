import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBindSpec, parseForwardSpec } from '../../src/client/forward-spec.ts';

const tcp = (host: string | undefined, port: number) => ({
  kind: 'tcp',
  ...(host !== undefined && { host }),
  port,
});
const unix = (path: string) => ({ kind: 'unix', path });

test('a forward reads as OpenSSH writes it', () => {
  for (const [text, bind, target] of [
    ['8080:example.com:80', tcp(undefined, 8080), tcp('example.com', 80)],
    ['127.0.0.1:8080:example.com:80', tcp('127.0.0.1', 8080), tcp('example.com', 80)],
    [':8080:example.com:80', tcp('', 8080), tcp('example.com', 80)],
    ['*:8080:10.0.0.1:80', tcp('*', 8080), tcp('10.0.0.1', 80)],
    ['[::1]:8080:[2001:db8::1]:80', tcp('::1', 8080), tcp('2001:db8::1', 80)],
    ['8080:unix:/run/app.sock', tcp(undefined, 8080), unix('/run/app.sock')],
    ['localhost:8080:unix:/run/app.sock', tcp('localhost', 8080), unix('/run/app.sock')],
    ['unix:/tmp/here.sock:example.com:80', unix('/tmp/here.sock'), tcp('example.com', 80)],
  ] as const)
    assert.deepEqual(parseForwardSpec(text), { bind, target }, text);
});

test('a forward may ask for a free port', () => {
  assert.deepEqual(parseForwardSpec('0:localhost:3000').bind, tcp(undefined, 0));
});

test('what is no forward is answered with the shapes that there are, and not repeated', () => {
  for (const text of [
    '',
    '8080',
    '8080:example.com',
    '8080:example.com:0',
    '70000:example.com:80',
    '8080:example.com:70000',
    'a:b:c:d:e',
    '::1:8080:example.com:80',
    '8080:unix:relative',
    'unix:relative:example.com:80',
  ])
    assert.throws(
      () => parseForwardSpec(text),
      (error: Error) =>
        error.message.startsWith('expected a forward: [BIND:]PORT:HOST:HOSTPORT') &&
        !error.message.includes('example.com'),
      text,
    );
});

test('a place to listen is a port with an address before it', () => {
  assert.deepEqual(parseBindSpec('1080'), tcp(undefined, 1080));
  assert.deepEqual(parseBindSpec('[::1]:0'), tcp('::1', 0));
  for (const text of ['', 'x', '1:2:3', '65536'])
    assert.throws(() => parseBindSpec(text), /^Error: expected an address to listen on: \[BIND:\]PORT/);
});
