import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PayloadSize } from '../../../src/endpoint/quic/payload.ts';

test('three probe time-outs in a row with only large datagrams outstanding lower the payload to 1200', () => {
  const payload = new PayloadSize(1350);
  for (let i = 0; i < 3; i++) {
    assert.equal(payload.size, 1350);
    payload.sent(1350);
    payload.sent(40);
    payload.probeTimeout(i === 0);
  }
  assert.equal(payload.size, 1200);
  payload.sent(1200);
  payload.probeTimeout(true);
  assert.equal(payload.size, 1200);
});

test('an acknowledgement between probe time-outs, or a small datagram that is lost too, begins the count anew', () => {
  const payload = new PayloadSize(8192);
  for (let i = 0; i < 10; i++) {
    payload.sent(8192);
    payload.probeTimeout(i % 2 === 0);
    assert.equal(payload.size, 8192);
  }
  for (let i = 0; i < 10; i++) {
    payload.sent(8192);
    payload.sent(i % 2 === 0 ? 300 : 40);
    payload.probeTimeout(false);
    assert.equal(payload.size, 8192);
  }
  for (let i = 0; i < 10; i++) {
    payload.sent(40);
    payload.probeTimeout(false);
    assert.equal(payload.size, 8192);
  }
});

test('a size that the system refuses lowers the payload at once, and none is below 1200', () => {
  const payload = new PayloadSize(16_000);
  payload.lower();
  assert.equal(payload.size, 1200);
  assert.equal(new PayloadSize(500).size, 1200);
});

test('when most of the first large datagrams were lost the payload is 1200, whatever small ones do', () => {
  const lossy = new PayloadSize(1350);
  const narrow = new PayloadSize(1350);
  for (let sent = 1; sent <= 2000; sent++) {
    lossy.sent(600);
    if (lossy.sent(1350)) lossy.lost(sent / 2);
    narrow.sent(600);
    if (narrow.sent(1350)) narrow.lost(sent * 0.8);
    assert.equal(narrow.size, sent < 32 ? 1350 : 1200);
    assert.equal(lossy.size, 1350);
  }
});
