/** Our listener, called by ngtcp2. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TransportConnection } from '../../../src/endpoint/engine.ts';
import { body, creditUnidirectional, folder, gtlsclient, noClient, response } from './ngtcp2.ts';
import { echo, type Listening, listening, readAll, roundTrip, serverCertificate, until } from './support.ts';

const alpns = ['h3', 'test/echo'];

/** Answers each request over HTTP/3, and echoes whatever else comes. */
async function serving(
  t: TestContext,
  answer: (body: Buffer) => Uint8Array = () => Buffer.from('hello'),
): Promise<Listening> {
  creditUnidirectional({ certificate: serverCertificate, alpns, demandCertificate: false });
  return listening(t, {
    parameters: { alpns, clientCertificate: 'none' },
    onAccepted: (connection) => {
      if (connection.alpn === 'h3') respond(connection, answer);
      else echo(connection);
    },
  });
}

function respond(connection: TransportConnection, answer: (body: Buffer) => Uint8Array): void {
  connection.serve((stream) => {
    stream.on('error', () => {});
    void readAll(stream).then(
      (bytes) => stream.end(response(answer(body(bytes)))),
      () => {},
    );
  });
}

async function servesOthers(server: Listening): Promise<void> {
  const connection = await server.dial();
  assert.equal((await roundTrip(connection, Buffer.from('alive'))).toString(), 'alive');
  connection.close(0, '');
}

const h3NoError = 0x100;

test('END-34 ngtcp2 proves its address by Retry, and is served', { skip: noClient }, async (t) => {
  const server = await serving(t);
  const client = gtlsclient(t, server.address, [], ['/a', '/b', '/c']);
  const connection = await server.next();
  assert.equal(await client.exited, 0, client.log());
  assert.equal(connection.alpn, 'h3');
  assert.deepEqual(server.hellos, [{ serverName: 'localhost', alpns: ['h3'] }]);
  assert.match(client.log(), /pkt rx .* type=Retry/);
  assert.match(client.log(), /QUIC handshake has been confirmed/);
  assert.equal(client.log().match(/\[:status: 200\]/g)?.length, 3);
  const end = await connection.closed;
  assert.deepEqual([end.by, end.code], ['peer', h3NoError]);
  await until(() => server.slots() === 0);
});

test('END-17 ngtcp2 is told 0x178 where none of its ALPNs is served', { skip: noClient }, async (t) => {
  const server = await listening(t, { onAccepted: echo });
  const client = gtlsclient(t, server.address);
  await client.exited;
  assert.match(client.log(), /frm rx .* CONNECTION_CLOSE\(0x1c\) error_code=CRYPTO_ERROR\(0x178\)/);
  assert.deepEqual(server.accepted, []);
  await until(() => server.slots() === 0);
  assert.deepEqual(server.failures, ['alpn']);
});

test('END-20 ngtcp2 without a certificate is told 0x174 where one is demanded', {
  skip: noClient,
}, async (t) => {
  creditUnidirectional({ certificate: serverCertificate, alpns: ['h3'], demandCertificate: true });
  const server = await listening(t, { parameters: { alpns: ['h3'], clientCertificate: 'demand' } });
  const client = gtlsclient(t, server.address, ['--timeout=3s']);
  await client.exited;
  assert.match(client.log(), /frm rx .* CONNECTION_CLOSE\(0x1c\) error_code=CRYPTO_ERROR\(0x174\)/);
  assert.deepEqual(server.accepted, []);
  await until(() => server.slots() === 0);
  assert.deepEqual(server.failures, ['certificate']);
});

test('unidirectional streams of an HTTP/3 client that come with its Finished, before anybody serves them, harm nobody', {
  skip: noClient,
}, async (t) => {
  creditUnidirectional({ certificate: serverCertificate, alpns, demandCertificate: false });
  let served = 0;
  const server = await listening(t, {
    parameters: { alpns, clientCertificate: 'none' },
    onAccepted: (connection) => {
      if (connection.alpn !== 'h3') return echo(connection);
      // A plugin that takes its time, and knows of no such streams.
      setImmediate(() => {
        served++;
        respond(connection, () => Buffer.from('late'));
      });
    },
  });
  for (let round = 1; round <= 3; round++) {
    const client = gtlsclient(t, server.address);
    assert.equal(await client.exited, 0, client.log());
    assert.match(client.log(), /frm tx .* STREAM\(0x0a\) id=0x2 .* uni=1/);
    assert.match(client.log(), /\[:status: 200\]/);
    assert.equal(served, round);
    await servesOthers(server);
  }
});

test('an HTTP/3 client that has no credit for its unidirectional streams gives up, and nobody else notices', {
  skip: noClient,
}, async (t) => {
  const server = await listening(t, {
    // Other facts than the tests above have, whose configuration gives credit.
    parameters: { alpns: ['h3', 'test/none', 'test/echo'], clientCertificate: 'none' },
    onAccepted: echo,
  });
  const client = gtlsclient(t, server.address);
  assert.equal(await client.exited, 0, client.log());
  assert.match(client.log(), /initial_max_streams_uni=0/);
  await until(() => server.slots() === 0);
  await servesOthers(server);
});

for (const [title, args] of [
  ['without loss', []],
  ['with one in twenty packets lost on the way here', ['--tx-loss=0.05']],
  ['with one in twenty packets lost on the way back', ['--rx-loss=0.05']],
] as const)
  test(`1 MiB passes intact from ngtcp2 and back ${title}`, { skip: noClient }, async (t) => {
    const home = folder(t);
    const [sent, back] = [randomBytes(1 << 20), randomBytes(1 << 20)];
    writeFileSync(join(home, 'sent'), sent);
    const got: Buffer[] = [];
    const server = await serving(t, (data) => {
      got.push(data);
      return back;
    });
    const client = gtlsclient(
      t,
      server.address,
      [...args, '-m', 'POST', `--data=${join(home, 'sent')}`, `--download=${home}`],
      ['/back'],
    );
    assert.equal(await client.exited, 0, client.log().slice(-2000));
    assert.deepEqual(
      got.map((each) => each.equals(sent)),
      [true],
    );
    assert(readFileSync(join(home, 'back')).equals(back));
    await servesOthers(server);
  });

test('a connection lives through a key update that ngtcp2 begins', { skip: noClient }, async (t) => {
  const server = await serving(t);
  const client = gtlsclient(t, server.address, ['--key-update=50ms', '--delay-stream=300ms']);
  assert.equal(await client.exited, 0, client.log());
  assert.match(client.log(), /Initiate key update/i);
  assert.match(client.log(), /\[:status: 200\]/);
});

test('END-39 what ngtcp2 sends from another address is ignored: the connection ends by its idle time, others live', {
  skip: noClient,
}, async (t) => {
  const server = await serving(t);
  const client = gtlsclient(t, server.address, [
    '--timeout=1500ms',
    '--change-local-addr=50ms',
    '--nat-rebinding',
    '--delay-stream=300ms',
  ]);
  const connection = await server.next();
  await client.exited;
  const log = client.log();
  assert.match(log, /Local address is now/i);
  assert.doesNotMatch(log, /\[:status: 200\]/);
  assert((server.listener.dropped['other address'] ?? 0) > 0, JSON.stringify(server.listener.dropped));
  assert.deepEqual(await connection.closed, {
    code: 0,
    reason: 'idle time-out',
    by: 'transport',
  });
  await servesOthers(server);
});

test('ngtcp2 asking for an unknown version is told of version 1', { skip: noClient }, async (t) => {
  const server = await serving(t);
  const client = gtlsclient(t, server.address, ['--version=0x1a2a3a4a', '--timeout=2s']);
  await client.exited;
  assert.match(client.log(), /type=VN/);
  assert.match(client.log(), /v=0x0+1\b/);
  await servesOthers(server);
});
