import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Attributes,
  BadFrameLength,
  decodePacket,
  encodePacket,
  FrameDecoder,
  MalformedPacket,
  type Packet,
  PacketType,
} from '../src/codec/index.ts';
import { frame } from './support.ts';

/** Objects as the decoder makes them. */
const plain = <Model>(model: { [Key in keyof Model]: fc.Arbitrary<Model[Key]> }) =>
  fc.record<Model>(model, { noNullPrototype: true });
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));
const handle = fc.uint8Array({ maxLength: 256 }).map((value) => Buffer.from(value));
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const pairs = fc.array(fc.tuple(bytes, bytes), { maxLength: 3 });
const attributes: fc.Arbitrary<Attributes> = fc.record(
  {
    size: u64,
    owner: plain({ uid: u32, gid: u32 }),
    permissions: u32,
    times: plain({ atime: u32, mtime: u32 }),
    extended: pairs,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const name = plain({ name: bytes, longName: bytes, attributes });
const id = u32;
const path = bytes;
const type = <Type extends number>(value: Type) => fc.constant(value);

const packets: fc.Arbitrary<Packet>[] = [
  plain({ type: type(PacketType.INIT), version: u32, extensions: pairs }),
  plain({ type: type(PacketType.VERSION), version: u32, extensions: pairs }),
  plain({ type: type(PacketType.OPEN), id, path, flags: u32, attributes }),
  plain({ type: type(PacketType.CLOSE), id, handle }),
  plain({ type: type(PacketType.READ), id, handle, offset: u64, length: u32 }),
  plain({ type: type(PacketType.WRITE), id, handle, offset: u64, data: bytes }),
  plain({ type: type(PacketType.LSTAT), id, path }),
  plain({ type: type(PacketType.FSTAT), id, handle }),
  plain({ type: type(PacketType.SETSTAT), id, path, attributes }),
  plain({ type: type(PacketType.FSETSTAT), id, handle, attributes }),
  plain({ type: type(PacketType.OPENDIR), id, path }),
  plain({ type: type(PacketType.READDIR), id, handle }),
  plain({ type: type(PacketType.REMOVE), id, path }),
  plain({ type: type(PacketType.MKDIR), id, path, attributes }),
  plain({ type: type(PacketType.RMDIR), id, path }),
  plain({ type: type(PacketType.REALPATH), id, path }),
  plain({ type: type(PacketType.STAT), id, path }),
  plain({ type: type(PacketType.RENAME), id, oldPath: path, newPath: path }),
  plain({ type: type(PacketType.READLINK), id, path }),
  plain({ type: type(PacketType.SYMLINK), id, target: path, linkPath: path }),
  plain({ type: type(PacketType.STATUS), id, code: u32, message: bytes, language: bytes }),
  plain({ type: type(PacketType.HANDLE), id, handle }),
  plain({ type: type(PacketType.DATA), id, data: bytes }),
  plain({ type: type(PacketType.NAME), id, names: fc.array(name, { maxLength: 3 }) }),
  plain({ type: type(PacketType.ATTRS), id, attributes }),
  plain({ type: type(PacketType.EXTENDED), id, request: bytes, data: bytes }),
  plain({ type: type(PacketType.EXTENDED_REPLY), id, data: bytes }),
];

function decodeAll(input: Buffer, pieces: readonly number[]): Packet[] {
  const decoder = new FrameDecoder(262_144);
  const found: Packet[] = [];
  const take = (chunk: Buffer) => {
    for (const body of decoder.push(chunk)) {
      const packet = decodePacket(body);
      assert(packet.type !== 'unknown');
      found.push(packet);
    }
  };
  let at = 0;
  for (const length of pieces) {
    // A copy, so that a view that outlives its chunk is seen.
    const chunk = Buffer.from(input.subarray(at, at + length));
    take(chunk);
    at += length;
  }
  take(input.subarray(at));
  assert.equal(decoder.isMidFrame, false);
  return found;
}

test('SFTP-03 each of the 27 packet types round-trips byte-exactly', () => {
  assert.equal(packets.length, 27);
  assert.equal(Object.keys(PacketType).length, 27);
  for (const arbitrary of packets) {
    fc.assert(
      fc.property(arbitrary, (packet) => {
        const encoded = encodePacket(packet);
        assert.equal(encoded.readUInt32BE(), encoded.length - 4);
        const decoded = decodePacket(encoded.subarray(4));
        assert(decoded.type !== 'unknown');
        assert.deepEqual(decoded, packet);
        assert.deepEqual(encodePacket(decoded), encoded);
      }),
      { numRuns: 100 },
    );
  }
});

test('SFTP-03 the decoder gives the same packets for every split of the input', () => {
  const several = fc.array(fc.oneof(...packets), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(several, fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }), (sent, pieces) => {
      const input = Buffer.concat(sent.map(encodePacket));
      assert.deepEqual(decodeAll(input, pieces), sent);
      assert.deepEqual(decodeAll(input, Array(input.length).fill(1)), sent);
    }),
    { numRuns: 200 },
  );
  // Every place at which two chunks can meet, for three packets.
  const sent = fc.sample(fc.oneof(...packets), { numRuns: 3, seed: 7 });
  const input = Buffer.concat(sent.map(encodePacket));
  for (let cut = 0; cut <= input.length; cut++) assert.deepEqual(decodeAll(input, [cut]), sent);
});

test('the bytes of packets are those of the draft and of OpenSSH', () => {
  const hex = (packet: Packet) => encodePacket(packet).toString('hex');
  assert.equal(hex({ type: PacketType.INIT, version: 3, extensions: [] }), '000000050100000003');
  const read = {
    type: PacketType.READ,
    id: 7,
    handle: Buffer.from('ab'),
    offset: 0x1_0000_0000n,
    length: 32768,
  } as const;
  assert.equal(hex(read), '00000017' + '05' + '00000007' + '000000026162' + '0000000100000000' + '00008000');
  const link = {
    type: PacketType.SYMLINK,
    id: 1,
    target: Buffer.from('t'),
    linkPath: Buffer.from('l'),
  } as const;
  assert.equal(hex(link), '0000000f' + '14' + '00000001' + '0000000174' + '000000016c');
  const times = {
    type: PacketType.SETSTAT,
    id: 2,
    path: Buffer.from('f'),
    attributes: { size: 1n, permissions: 0o644, times: { atime: 1, mtime: 2 } },
  } as const;
  assert.equal(
    hex(times),
    `00000022${'09'}00000002${'0000000166'}0000000d${'0000000000000001'}000001a4${'00000001'}00000002`,
  );
});

test('a body cut short or too long is malformed, and its id is told', () => {
  fc.assert(
    fc.property(fc.oneof(...packets.slice(2)), fc.nat(), (packet, cut) => {
      const body = encodePacket(packet).subarray(4);
      // Those that end in data of any length can be cut within it and are whole.
      const open = packet.type === PacketType.EXTENDED || packet.type === PacketType.EXTENDED_REPLY;
      if (open) return;
      const short = body.subarray(0, 1 + (cut % (body.length - 1)));
      const expected = 'id' in packet && short.length >= 5 ? packet.id : 0;
      const isMalformed = (error: unknown) => error instanceof MalformedPacket && error.id === expected;
      assert.throws(() => decodePacket(short), isMalformed);
      assert.throws(
        () => decodePacket(Buffer.concat([body, Buffer.alloc(1)])),
        (error) => error instanceof MalformedPacket && 'id' in packet && error.id === packet.id,
      );
    }),
  );
});

test('attribute flags that nobody knows, and counts that cannot be, are malformed', () => {
  const body = (tail: string) => Buffer.from(`0900000001${'0000000166'}${tail}`, 'hex');
  assert.throws(() => decodePacket(body('00000010')), MalformedPacket);
  assert.throws(() => decodePacket(body('80000000ffffffff')), MalformedPacket);
  assert.throws(() => decodePacket(Buffer.from('6800000001ffffffff', 'hex')), MalformedPacket);
  assert.throws(
    () => decodePacket(Buffer.concat([Buffer.from('040000000100000101', 'hex'), Buffer.alloc(257)])),
    /handle/,
  );
});

test('a declared length of 0 or above the limit is refused before a byte of the body is kept', () => {
  for (const length of [0, 262_145, 0xffffffff]) {
    const decoder = new FrameDecoder(262_144);
    const input = frame(Buffer.alloc(10, 1), length);
    assert.throws(() => [...decoder.push(input)], BadFrameLength);
  }
  const decoder = new FrameDecoder(262_144);
  assert.deepEqual([...decoder.push(frame(Buffer.alloc(0), 262_144))], []);
  assert.equal(decoder.isMidFrame, true);
});
