import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nesting } from '../../src/adapters/json.ts';
import { retryDelay } from '../../src/adapters/life/adapter-life.ts';
import { EventStreamParser } from '../../src/adapters/response/event-stream.ts';
import { redirectTarget } from '../../src/adapters/response/redirect.ts';
import { isRepeatable, RetryAfterTable, retryAfter, waitBefore } from '../../src/adapters/response/retry.ts';

test('HTTP-105 an SSE body split at every byte offset gives the same values, multi-byte characters included', () => {
  const text =
    '\ufeff: comment\r\n\r\ndata: {"a":"äöü€😀"}\r\ndata:  \r\n\r\nevent: x\ndata:no space\rdata: second\r\rid: 3\n\n' +
    'retry: 10\ndata\n\ndata: [1,\ndata: 2]\n\n\ndata: a\r\n\ndata: {"broken\n\n:\ndatabase: no\n\ndata: \ufeffkept\n\ndata: end without blank line';
  const bytes = Buffer.from(text);
  const expected = [{ a: 'äöü€😀' }, 'no space\nsecond', null, [1, 2], 'a', '{"broken', '\ufeffkept'];
  for (let at = 0; at <= bytes.length; at++) {
    const parser = new EventStreamParser();
    assert.deepEqual(
      [...parser.push(bytes.subarray(0, at)), ...parser.push(bytes.subarray(at))],
      expected,
      `at ${at}`,
    );
  }
  const single = new EventStreamParser();
  assert.deepEqual(
    [...bytes].flatMap((byte) => single.push(Uint8Array.of(byte))),
    expected,
  );
});

test('an endless line or event is refused while it grows', () => {
  for (const piece of ['x'.repeat(1000), `data: ${'x'.repeat(1000)}\n`, `: ${'x'.repeat(1000)}`]) {
    const parser = new EventStreamParser();
    assert.throws(
      () => {
        for (let i = 0; i < 2000; i++) parser.push(Buffer.from(piece));
      },
      { code: 'INTERNAL' },
    );
  }
  const comments = new EventStreamParser();
  for (let i = 0; i < 3000; i++) comments.push(Buffer.from(`: ${'x'.repeat(1000)}\n`));
});

test('HTTP-107 Retry-After in seconds and as date is honoured, past and malformed ones ignored', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfter('120', now), now + 120_000);
  assert.equal(retryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now), now + 60_000);
  for (const value of [
    undefined,
    '',
    '0',
    '-1',
    '1.5',
    'soon',
    '2026-02-01',
    'Wed, 31 Dec 2025 23:59:59 GMT',
    'Thu, 99 Xxx 2026 00:00:00 GMT',
  ])
    assert.equal(retryAfter(value, now), undefined, value);
  assert.equal(retryAfter('9999999999', now), now + 24 * 3_600_000);
});

test('HTTP-107 the table keeps 256 URLs, exactly as written, and evicts the earliest time', () => {
  const table = new RetryAfterTable();
  const now = 1_000_000;
  for (let i = 0; i < 256; i++) table.note(`https://x/${i}`, 429, String(100 + ((i * 7) % 256)), now);
  table.note('https://x/ok', 200, '100', now);
  table.note('https://x/never', 503, undefined, now);
  assert.equal(table.size, 256);
  table.note('https://x/new', 503, '500', now);
  assert.equal(table.size, 256);
  assert.equal(table.get('https://x/0', now), undefined);
  assert.equal(table.get('https://x/new', now)?.until, now + 500_000);
  assert.equal(table.get('https://x/new?', now), undefined);
  assert.equal(table.get('https://x/new', now + 500_000), undefined);
});

test('HTTP-106 waits double from 250 ms to 10 s with jitter of a half, for repeatable methods only', () => {
  assert.deepEqual(
    [1, 2, 3, 6, 7, 40].map((retry) => waitBefore(retry, 0.5)),
    [250, 500, 1000, 8000, 10_000, 10_000],
  );
  assert.equal(waitBefore(1, 0), 125);
  assert.equal(waitBefore(1, 1), 375);
  assert.deepEqual(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH'].map(isRepeatable), [
    true,
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual([1, 2, 6, 7, 30].map(retryDelay), [5000, 10_000, 160_000, 300_000, 300_000]);
});

test('nesting is counted outside of strings and stops at its limit', () => {
  assert.equal(nesting('{"a":["]}[[[\\"[["]}', 64), 2);
  assert.equal(nesting('7', 64), 0);
  assert.equal(nesting('['.repeat(1_000_000), 64), 65);
});

test('HTTP-108 a redirect goes from the world to the world, over https as before, and only where the method allows', () => {
  const from = 'https://api.example/v1/a?b=1';
  const follow = (location: string | undefined, method = 'GET', status = 302, url = from) =>
    redirectTarget(url, method, status, location);
  assert.equal(follow('/v2#x'), 'https://api.example/v2');
  assert.equal(follow('c?d=2'), 'https://api.example/v1/c?d=2');
  assert.equal(follow('https://other.example/', 'HEAD', 308), 'https://other.example/');
  assert.equal(follow('http://other.example/', 'GET', 301, 'http://api.example/'), 'http://other.example/');
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
    assert.equal(follow('/v2', method), undefined);
  for (const status of [200, 300, 304, 305, 306]) assert.equal(follow('/v2', 'GET', status), undefined);
  const refused = [
    undefined,
    'http://api.example/',
    'http://',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://user:pass@other.example/',
    'https://localhost/',
    'https://x.localhost/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0/',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.100.1.1/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
  ];
  for (const location of refused) assert.equal(follow(location), undefined, location);
  assert.equal(follow('https://172.32.0.1/'), 'https://172.32.0.1/');
  // Who is configured to speak to this machine may be led about it.
  assert.equal(follow('http://127.0.0.1:1/x', 'GET', 302, 'http://localhost:2/'), 'http://127.0.0.1:1/x');
});
