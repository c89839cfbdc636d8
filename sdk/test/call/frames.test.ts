import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BadFrame } from '../../src/call/bad-frame.ts';
import { encodeFrame, FrameReader, parseBody } from '../../src/call/frames.ts';
import { StreamCode } from '../../src/index.ts';

const limit = () => 16 << 20;

function read(bytes: Buffer, cuts: readonly number[] = [], max = limit): unknown[] {
  const reader = new FrameReader(max);
  const bodies: unknown[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    for (const body of reader.feed(bytes.subarray(from, cut))) bodies.push(parseBody(body));
    from = cut;
  }
  reader.end();
  return bodies;
}

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

const body = (text: string) => Buffer.concat([prefix(Buffer.byteLength(text)), Buffer.from(text)]);

test('CALL-01 a frame is a 4-byte big-endian length and that many bytes of JSON', () => {
  assert.equal(encodeFrame('{"a":"é"}').toString('hex'), '0000000a7b2261223a22c3a9227d');
  assert.deepEqual(read(Buffer.from('0000000a7b2261223a22c3a9227d', 'hex')), [{ a: 'é' }]);
});

test('CALL-02 frames written back to back are read back in order, equal, in any division into pieces', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 5 }), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (values, cuts) => {
        const texts = values.map((value) => JSON.stringify(value));
        const bytes = Buffer.concat(texts.map(encodeFrame));
        const sorted = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        assert.deepEqual(
          read(bytes, sorted),
          texts.map((text) => JSON.parse(text)),
        );
      },
    ),
  );
});

test('CALL-12 a frame delivered one byte at a time is read correctly', () => {
  const bytes = Buffer.concat([encodeFrame('{"a":[1,2,3]}'), encodeFrame('"é€😀"')]);
  assert.deepEqual(read(bytes, [...bytes.keys()].slice(1)), [{ a: [1, 2, 3] }, 'é€😀']);
});

test('CALL-03 a length of 0 is refused', () => {
  assert.throws(() => read(prefix(0)), { name: 'BadFrame', streamCode: StreamCode.BAD_FRAME });
});

test('CALL-04 a length of 67 108 865 is refused from the prefix; 67 108 864 is accepted when the limit allows it', () => {
  const protocolMax = 64 << 20;
  const reader = new FrameReader(() => protocolMax);
  assert.throws(() => [...reader.feed(prefix(protocolMax + 1))], {
    name: 'BadFrame',
    streamCode: StreamCode.BAD_FRAME,
    message: /67108865/,
  });

  const largest = new FrameReader(() => protocolMax);
  const piece = Buffer.alloc(1 << 20, 0x20);
  assert.deepEqual([...largest.feed(prefix(protocolMax))], []);
  const bodies: Buffer[] = [];
  for (let fed = 0; fed < 64; fed++) bodies.push(...largest.feed(piece));
  assert.deepEqual(
    bodies.map(({ length }) => length),
    [protocolMax],
  );
});

test('a length above limits.frame is refused from the prefix with FRAME_TOO_LARGE', () => {
  const reader = new FrameReader(() => 1024);
  assert.deepEqual([...reader.feed(Buffer.concat([prefix(2), Buffer.from('{}')]))].map(String), ['{}']);
  assert.throws(() => [...reader.feed(prefix(1025))], {
    name: 'BadFrame',
    streamCode: StreamCode.FRAME_TOO_LARGE,
  });
  assert.equal(reader.partial, 0);
});

test('CALL-06 end of input between frames is clean; inside a prefix or body it is a bad frame', () => {
  const whole = encodeFrame('{"a":1}');
  for (let length = 0; length <= whole.length; length++) {
    const reader = new FrameReader(limit);
    for (const _ of reader.feed(whole.subarray(0, length)));
    if (length === 0 || length === whole.length) reader.end();
    else assert.throws(() => reader.end(), BadFrame, `after ${length} bytes`);
  }
});

test('CALL-11 nesting of 64 is accepted, nesting of 65 and of a million refused without a crash', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(read(body(nested(64))).length, 1);
  assert.throws(() => read(body(nested(65))), { name: 'BadFrame', message: /nest/ });
  assert.throws(() => read(body(nested(1_000_000))), BadFrame);
  assert.throws(() => read(body(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`)), BadFrame);
  // Brackets in text are no nesting, escaped quotes do not end it.
  const text = JSON.stringify(`"\\${'['.repeat(100)}`);
  assert.deepEqual(read(body(text)), [JSON.parse(text)]);
});

test('invalid UTF-8, a byte order mark, trailing text and half a value are bad frames', () => {
  const bad: Buffer[] = [
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]),
    Buffer.from('{} {}'),
    Buffer.from('{"a":'),
    Buffer.from('NaN'),
    // A lone surrogate, in the form in which UTF-8 must not hold it.
    Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
  ];
  for (const bytes of bad) {
    assert.throws(() => read(Buffer.concat([prefix(bytes.length), bytes])), BadFrame, bytes.toString('hex'));
  }
});

test('what a bad frame says holds no byte of its content', () => {
  for (const text of ['{"password":hunter2}', '"hunter2']) {
    assert.throws(
      () => read(body(text)),
      (error) => error instanceof BadFrame && !error.message.includes('hunter2'),
    );
  }
});
