import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type End, noWire, type Wire, wire } from './wire.ts';

const program = fileURLToPath(new URL('transfer-process.ts', import.meta.url));

function run(end: End, args: readonly string[]): Promise<Record<string, number>> {
  const child = end.spawn(process.execPath, [
    '--conditions=alknet:source',
    '--import',
    'tsx',
    program,
    ...args,
  ]);
  return Promise.race([
    once(child, 'message').then(([message]) => message as Record<string, number>),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${args.join(' ')} ended with ${code}`))),
  ]);
}

/** Bytes that come in `ms` from b to a. */
async function fetched(path: Wire, transport: 'tcp' | 'quic', ports: Record<string, number>, ms: number) {
  const { bytes = 0 } = await run(path.a, [
    'fetch',
    transport,
    path.b.address,
    String(ports[transport]),
    String(ms),
  ]);
  return bytes;
}

test('END-40 the UDP payload is at most 1200 before the handshake ends and at most 1350 after', {
  skip: noWire,
}, async (t) => {
  const path = await wire(t, { delay: 5 });
  const ports = await run(path.b, ['serve', path.b.address]);
  assert((await fetched(path, 'quic', ports, 500)) > 100_000);
  // Initial and Handshake packets have the long header (RFC 9000 17.2).
  const handshake = path.payloads.filter(({ long }) => long).map(({ bytes }) => bytes);
  const after = path.payloads.filter(({ long }) => !long).map(({ bytes }) => bytes);
  assert(handshake.length > 2 && Math.max(...handshake) <= 1200, `${Math.max(...handshake)} bytes`);
  assert.equal(Math.max(...after), 1350);
  assert.equal(path.fragments(), 0);
});

test('a bulk transfer passes where packets above 1280 bytes vanish', { skip: noWire }, async (t) => {
  const path = await wire(t, { delay: 5, largest: 1280 });
  const ports = await run(path.b, ['serve', path.b.address]);
  assert((await fetched(path, 'quic', ports, 4000)) > 100_000);
});

test('at 1% loss and 50 ms a bulk transfer over QUIC is above half of one over TCP', {
  skip: noWire,
}, async (t) => {
  const path = await wire(t, { loss: 0.01, delay: 25, seed: 7 });
  const ports = await run(path.b, ['serve', path.b.address]);
  const tcp = await fetched(path, 'tcp', ports, 5000);
  const quic = await fetched(path, 'quic', ports, 5000);
  assert(quic > tcp / 2, `${quic} bytes over QUIC, ${tcp} over TCP`);
});
