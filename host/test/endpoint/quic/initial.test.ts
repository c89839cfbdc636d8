import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { initialKeys, openInitial, sealInitial } from '../../../src/endpoint/quic/initial.ts';
import { parseLongHeader } from '../../../src/endpoint/quic/packet.ts';

const destination = Buffer.from('8394c8f03e515708', 'hex');

/** The packet of RFC 9001 A.3, sent by the server. */
const serverInitial = Buffer.from(
  'cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3' +
    '8cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84' +
    '022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee',
  'hex',
);

test('keys of Initial packets are those of RFC 9001 A.1', () => {
  const client = initialKeys(destination, 'client');
  assert.equal(client.key.toString('hex'), '1f369613dd76d5467730efcbe3b1a22d');
  assert.equal(client.iv.toString('hex'), 'fa044b2f42a3fd3b46fb255c');
  assert.equal(client.headerProtection.toString('hex'), '9f50449e04a0e810283a1e9933adedd2');
  const server = initialKeys(destination, 'server');
  assert.equal(server.key.toString('hex'), 'cf3a5331653c364c88f0f379b6067e37');
  assert.equal(server.iv.toString('hex'), '0ac1493ca1905853b0bba03e');
  assert.equal(server.headerProtection.toString('hex'), 'c206b8d9b9f0f37644430b490eeaa314');
});

test('the server Initial of RFC 9001 A.3 opens', () => {
  const header = parseLongHeader(serverInitial);
  assert(header);
  assert.equal(Buffer.from(header.source).toString('hex'), 'f067a5502a4262b5');
  const opened = openInitial(serverInitial, header, initialKeys(destination, 'server'));
  assert(opened);
  assert.equal(opened.end, serverInitial.length);
  // ACK of packet 0, then CRYPTO with a ServerHello.
  assert.equal(opened.payload.subarray(0, 5).toString('hex'), '0200000000');
  assert.equal(opened.payload.subarray(5, 13).toString('hex'), '0600405a02000056');
});

test('what sealInitial makes, openInitial opens, and one flipped bit or another key spoils it', () => {
  const keys = initialKeys(destination, 'client');
  const frames = randomBytes(300);
  const packet = sealInitial(randomBytes(8), randomBytes(16), frames, keys);
  const open = (bytes: Buffer, by = keys) => {
    const header = parseLongHeader(bytes);
    return header && openInitial(bytes, header, by);
  };
  assert.deepEqual(open(packet)?.payload, frames);
  assert.equal(open(Buffer.concat([packet, randomBytes(9)]))?.end, packet.length);
  assert.equal(open(packet, initialKeys(destination, 'server')), undefined);
  for (let bit = 0; bit < packet.length * 8; bit += 7) {
    const spoiled = Buffer.from(packet);
    spoiled[bit >> 3] = (spoiled[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.notDeepEqual(open(spoiled)?.payload, frames, `bit ${bit}`);
  }
  for (let length = 0; length < packet.length; length++) {
    assert.equal(open(packet.subarray(0, length)), undefined, `${length} bytes`);
  }
});
