/** What we use of the libraries without their documentation. When one of these fails, the library has changed. */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { spawn } from '@lydell/node-pty';
import { ciphersReady, hostKeyOf, makeProtocol } from '../src/transport/protocol.ts';
import { hostPair } from './support.ts';

const require = createRequire(import.meta.url);
const noHandler = () => {};

test('the state machine of ssh2 has what transport/protocol.ts touches', async () => {
  await ciphersReady;
  const Protocol = require('ssh2/lib/protocol/Protocol.js');
  for (const method of [
    ...[
      'parse',
      'cleanup',
      'rekey',
      'ping',
      'disconnect',
      'serviceAccept',
      'authFailure',
      'authSuccess',
      'authPKOK',
    ],
    ...['requestSuccess', 'requestFailure', 'channelOpenConfirm', 'channelOpenFail', 'channelSuccess'],
    ...[
      'channelFailure',
      'channelData',
      'channelExtData',
      'channelWindowAdjust',
      'channelEOF',
      'channelClose',
    ],
    ...['exitStatus', 'exitSignal', 'forwardedTcpip', 'openssh_forwardedStreamLocal'],
  ])
    assert.equal(typeof Protocol.prototype[method], 'function', method);
  const handlers = {
    DISCONNECT: noHandler,
    SERVICE_REQUEST: noHandler,
    USERAUTH_REQUEST: noHandler,
    GLOBAL_REQUEST: noHandler,
    CHANNEL_OPEN: noHandler,
    CHANNEL_OPEN_CONFIRMATION: noHandler,
    CHANNEL_OPEN_FAILURE: noHandler,
    CHANNEL_WINDOW_ADJUST: noHandler,
    CHANNEL_DATA: noHandler,
    CHANNEL_EXTENDED_DATA: noHandler,
    CHANNEL_EOF: noHandler,
    CHANNEL_CLOSE: noHandler,
    CHANNEL_REQUEST: noHandler,
  };
  const sent: Buffer[] = [];
  const protocol = makeProtocol({
    hostKey: hostKeyOf(hostPair),
    ident: 'alknet',
    banner: undefined,
    handlers,
    write: (data) => void sent.push(data),
    failed: noHandler,
    packet: noHandler,
    exchanged: noHandler,
  });
  assert.equal(typeof protocol._onHandshakeComplete, 'function');
  assert.equal(typeof protocol._packetRW.write.allocStart, 'number');
  assert.equal(typeof protocol._packetRW.write.alloc, 'function');
  assert.equal(typeof protocol._packetRW.write.finalize, 'function');
  assert.equal(typeof protocol._cipher.encrypt, 'function');
  assert.ok('_banner' in protocol);
  assert.ok('_kexinit' in protocol && '_kex' in protocol);
  protocol.start();
  assert.equal(String(sent[0]), 'SSH-2.0-alknet\r\n');
  assert.equal(protocol._kexinit, undefined);
  const ident = Buffer.from('SSH-2.0-test\r\n');
  protocol.parse(ident, 0, ident.length);
  assert.ok(Buffer.isBuffer(protocol._kexinit), 'set while keys are exchanged');
  protocol.cleanup();
});

test('node-pty has its socket, descriptor and terminal name where terminal.ts looks', async () => {
  const terminal = spawn('/bin/sh', ['-c', 'read x'], { encoding: null });
  const ended = new Promise((resolve) => terminal.onExit(resolve));
  assert.ok(Reflect.get(terminal, '_socket') instanceof Socket);
  assert.equal(typeof Reflect.get(terminal, 'fd'), 'number');
  assert.match(String(Reflect.get(terminal, 'ptsName')), /^\/dev\//);
  assert.equal((Reflect.get(terminal, '_socket') as Socket).readableHighWaterMark, 0);
  terminal.write('\n');
  await ended;
});
