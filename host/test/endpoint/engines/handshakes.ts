/** The contract of `engine.ts` up to the end of a handshake: listen, dial, ALPN, certificates, refusal, drain. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyWithoutSecret, makeCertificate } from '../certificates.ts';
import { client, type Engine, listening, server, until } from './support.ts';

export function handshakeContract(engine: Engine): void {
  const { name } = engine;
  const isQuic = engine.make().kind === 'quic';

  test(`${name}: both ends know what the handshake agreed on and proved`, async (t) => {
    const node = await listening(t, engine, { parameters: { alpns: ['other/one', 'test/echo'] } });
    const shown: Uint8Array[] = [];
    const [near, far] = await node.pair({
      serverName: 'node.example',
      verify: (chain) => {
        assert.equal(node.accepted.length, 0, 'verified before the connection is handed over');
        shown.push(...chain);
      },
    });
    assert.deepEqual(node.hellos, [
      { hello: { serverName: 'node.example', alpns: ['test/echo'] }, filter: undefined },
    ]);
    assert.deepEqual(shown.map(Buffer.from), [server.der]);
    const { kind } = node.transport;
    for (const end of [near, far])
      assert.deepEqual(
        [end.transport, end.alpn, end.serverName, end.multiplexed],
        [kind, 'test/echo', 'node.example', isQuic],
      );
    assert.deepEqual(Buffer.from(near.peerCertificate ?? []), server.der);
    assert.deepEqual(Buffer.from(far.peerCertificate ?? []), client.der);
    assert.deepEqual(near.remote, node.listener.address);
    assert.equal(far.remote.address, '127.0.0.1');
    assert.equal(far.remote.port, near.local.port);
    assert.equal(node.slots(), 1);
  });

  test(`${name}: without a common ALPN a dial fails with NoAlpn, and nothing is handed over`, async (t) => {
    const node = await listening(t, engine, { listen: { filter: ['a/b'] } });
    await assert.rejects(node.dial({ alpn: 'other/name' }), {
      name: 'DialError',
      code: 'NoAlpn',
      message: /other\/name/,
    });
    await until(() => node.slots() === 0);
    assert.deepEqual(node.failures, ['alpn']);
    assert.deepEqual(node.hellos[0]?.filter, ['a/b']);
    assert.equal(node.accepted.length, 0);
  });

  test(`${name}: a dial whose verify throws fails with that error, and no byte follows`, async (t) => {
    const node = await listening(t, engine);
    const refusal = new Error('not the one');
    const verify = () => {
      throw refusal;
    };
    await assert.rejects(node.dial({ verify }), refusal);
    // TLS 1.3 ends for the client first; the server may see a connection that is over at once.
    for (const connection of node.accepted) {
      connection.serve(() => isQuic && assert.fail('a stream came'));
      assert.notEqual((await connection.closed).by, 'local');
    }
    await until(() => node.slots() === 0);
  });

  test(`${name}: a client certificate is shown only when asked for, and may be absent unless demanded`, async (t) => {
    const asked = isQuic ? 'demand' : 'request';
    for (const [wanted, certificate, expected] of [
      ['none', client, null],
      ['none', null, null],
      [asked, client, client.der],
      ...(isQuic ? [] : [['request', null, null] as const]),
    ] as const) {
      const node = await listening(t, engine, { parameters: { clientCertificate: wanted } });
      const [, far] = await node.pair({ certificate });
      assert.deepEqual(far.peerCertificate && Buffer.from(far.peerCertificate), expected);
    }
  });

  if (isQuic)
    test(`${name}: without the certificate that is demanded there is no connection`, async (t) => {
      const node = await listening(t, engine);
      // In TLS 1.3 the client's handshake ends before the server has judged it.
      const dialled = await node.dial({ certificate: null }).catch(() => undefined);
      if (dialled !== undefined) assert.equal((await dialled.closed).by, 'transport');
      await until(() => node.slots() === 0);
      assert.deepEqual(node.failures, ['certificate']);
      assert.equal(node.accepted.length, 0);
    });

  test(`END-11 ${name}: a copied certificate without its key yields no connection`, async (t) => {
    const node = await listening(t, engine);
    const stolen = makeCertificate({ key: 'p256' });
    const certificate = { cert: stolen.cert, key: keyWithoutSecret(stolen) };
    const dialled = await node.dial({ certificate }).catch(() => undefined);
    if (dialled !== undefined) assert.equal((await dialled.closed).by, 'transport');
    await until(() => node.slots() === 0);
    assert.equal(node.accepted.length, 0);
  });

  test(`${name}: who is not admitted is refused, and costs no ClientHello`, async (t) => {
    let room = false;
    const node = await listening(t, engine, { admit: () => room });
    await assert.rejects(node.dial(), { name: 'DialError', code: 'Refused' });
    assert.equal(node.hellos.length, 0);
    room = true;
    await node.dial();
  });

  test(`${name}: an address is bound once, and again after its listener is closed`, async (t) => {
    const { transport, listener } = await listening(t, engine);
    const options = { host: '127.0.0.1', port: listener.address.port };
    await assert.rejects(listening(t, engine, { listen: options }), { code: 'EADDRINUSE' });
    await listener.close();
    const again = await listening(t, engine, { listen: options });
    assert.deepEqual(again.listener.address, listener.address);
    assert.equal(again.transport.kind, transport.kind);
    await again.dial();
  });

  test(`${name}: a drain refuses what is new and leaves what lives; close ends that too`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    node.listener.drain();
    node.listener.drain();
    await assert.rejects(node.dial({ timeoutMs: 1000 }), ({ code }: { code: string }) =>
      isQuic ? code === 'Refused' : code === 'Refused' || code === 'Connect',
    );
    assert.deepEqual([near.stats().streams, far.stats().streams], isQuic ? [0, 0] : [1, 1]);
    await node.listener.close();
    assert.equal((await far.closed).by, 'host');
    await until(() => node.slots() === 0);
  });

  test(`${name}: a drain drops handshakes under way`, async (t) => {
    const drains: (() => void)[] = [];
    // After the ClientHello, and before the client can have answered to what it brought forth.
    const node = await listening(t, engine, { onHello: () => queueMicrotask(() => drains[0]?.()) });
    drains.push(() => node.listener.drain());
    const dialled = await node.dial({ timeoutMs: 500 }).catch((error: Error) => error);
    if (dialled instanceof Error) assert.equal(dialled.name, 'DialError');
    else {
      // In TLS 1.3 the client's handshake may end before it hears of it.
      dialled.serve((stream) => stream.resume().once('end', () => stream.end()));
      assert.notEqual((await dialled.closed).by, 'local');
    }
    await until(() => node.slots() === 0);
    assert.deepEqual(node.failures, ['draining']);
    assert.equal(node.accepted.length, 0);
  });

  test(`${name}: a dial to nobody fails in its time, and an aborted one at once`, async (t) => {
    const node = await listening(t, engine);
    await node.listener.close();
    const started = performance.now();
    await assert.rejects(node.dial({ timeoutMs: 300 }), ({ code }: { code: string }) =>
      ['Connect', 'HandshakeTimeout', 'Refused'].includes(code),
    );
    assert.ok(performance.now() - started < 5000);
    const controller = new AbortController();
    const dialled = node.dial({ signal: controller.signal });
    controller.abort();
    await assert.rejects(dialled, { name: 'DialError', code: 'Aborted' });
    await assert.rejects(node.dial({ signal: controller.signal }), { name: 'DialError', code: 'Aborted' });
  });
}
