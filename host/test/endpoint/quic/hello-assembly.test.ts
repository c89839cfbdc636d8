import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { HelloAssembly, maxHelloDatagrams } from '../../../src/endpoint/quic/hello-assembly.ts';
import { initialKeys, sealInitial } from '../../../src/endpoint/quic/initial.ts';
import { varint } from '../../../src/endpoint/quic/packet.ts';

const destination = Buffer.from('0123456789abcdef', 'hex');
const source = Buffer.from('fedcba9876543210', 'hex');
const keys = initialKeys(destination, 'client');
const packet = (...frames: Uint8Array[]) => sealInitial(destination, source, Buffer.concat(frames), keys);
const crypto = (offset: number, data: Uint8Array) =>
  Buffer.concat([Buffer.from([6]), varint(offset), varint(data.length), data]);
const padding = Buffer.alloc(32);

function helloOf(length: number): Buffer {
  const message = randomBytes(4 + length);
  message.writeUInt32BE((1 << 24) | length);
  return message;
}

test('a ClientHello in pieces out of order, overlapping and repeated is put together', () => {
  const message = helloOf(2000);
  const piece = (from: number, to: number) => packet(crypto(from, message.subarray(from, to)), padding);
  const assembly = new HelloAssembly(destination);
  assert.equal(assembly.add(piece(900, 1500)).state, 'incomplete');
  assert.equal(assembly.add(piece(900, 1500)).state, 'incomplete');
  assert.equal(assembly.add(piece(1400, message.length)).state, 'incomplete');
  const end = assembly.add(Buffer.concat([piece(0, 500), piece(400, 1000)]));
  assert.equal(end.state, 'complete');
  assert.deepEqual(Buffer.from(end.state === 'complete' ? end.message : []), message);
});

test('a datagram of another key or none neither helps nor harms a ClientHello', () => {
  const message = helloOf(600);
  const assembly = new HelloAssembly(destination);
  const foreign = sealInitial(destination, source, crypto(0, message), initialKeys(source, 'client'));
  assert.equal(assembly.add(foreign).state, 'incomplete');
  assert.equal(assembly.add(randomBytes(1200)).state, 'incomplete');
  assert.equal(assembly.add(packet(crypto(0, message))).state, 'complete');
});

test('a ClientHello is refused beyond 16 datagrams or 64 KiB, and anything else than one at once', () => {
  const many = new HelloAssembly(destination);
  for (let i = 0; i < maxHelloDatagrams; i++) assert.equal(many.add(packet(padding)).state, 'incomplete');
  assert.equal(many.add(packet(padding)).state, 'refused');

  const announced = new HelloAssembly(destination);
  const long = Buffer.alloc(100);
  long.writeUInt32BE((1 << 24) | (64 * 1024));
  assert.equal(announced.add(packet(crypto(0, long))).state, 'refused');

  const far = new HelloAssembly(destination);
  assert.equal(far.add(packet(crypto(64 * 1024, randomBytes(10)), padding)).state, 'refused');

  const other = new HelloAssembly(destination);
  assert.equal(other.add(packet(crypto(0, Buffer.alloc(100, 2)))).state, 'refused');

  const frame = new HelloAssembly(destination);
  assert.equal(frame.add(packet(Buffer.from([0x08, 0, 1, 2]), padding)).state, 'refused');

  const cut = new HelloAssembly(destination);
  assert.equal(cut.add(packet(padding, Buffer.from([6, 0, 0x7f, 0xff]))).state, 'refused');
});
