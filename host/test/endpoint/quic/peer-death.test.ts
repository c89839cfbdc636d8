import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RemoteAddress, Stream } from '@alknet/sdk';
import type { TransportConnection } from '../../../src/endpoint/engine.ts';
import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { clientCertificate, readAll, roundTrip, tuning } from './support.ts';

const idleTimeout = 3000;

/** A node that echoes, in a process of its own, and a connection to it with streams under way that get no answer yet. */
async function pair(
  t: TestContext,
): Promise<{ child: ChildProcess; connection: TransportConnection; streams: Stream[] }> {
  const child = fork(fileURLToPath(new URL('echo-process.ts', import.meta.url)), {
    execArgv: ['--conditions=alknet:source', '--import', 'tsx'],
  });
  const exited = once(child, 'exit');
  const transport = quicTransport();
  t.after(async () => {
    await transport.close();
    child.kill('SIGKILL');
    await exited;
  });
  const [address]: [RemoteAddress] = await once(child, 'message').then(([first]) => [first]);
  const connection = await transport.dial({
    address,
    alpn: 'test/echo',
    serverName: null,
    certificate: clientCertificate,
    verify: () => {},
    timeoutMs: 5000,
    tuning: { ...tuning, idleTimeout },
  });
  t.after(() => connection.close(0, ''));
  const streams = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const stream = await connection.openStream();
      // Half a call: the other half does not come before its peer is gone.
      stream.write('half');
      await once(stream, 'data');
      return stream;
    }),
  );
  return { child, connection, streams };
}

test('what is under way with a peer that is killed fails within the idle time-out, and nothing hangs', async (t) => {
  const { child, connection, streams } = await pair(t);
  const ends = Promise.allSettled(streams.map((stream) => readAll(stream)));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const since = performance.now();
  // Sent into the void; the system answers each with ICMP, which ends no connection (docs/spec/endpoint.md 10).
  for (const stream of streams) stream.write('more');
  assert.deepEqual(await connection.closed, { code: 0, reason: 'idle time-out', by: 'transport' });
  const took = performance.now() - since;
  assert(took >= idleTimeout / 3 && took < idleTimeout + 2000, `${took} ms`);
  for (const end of await ends) {
    assert(end.status === 'rejected');
    assert.equal(end.reason.code, 'CONNECTION_CLOSED');
    assert.equal(end.reason.closeInfo.reason, 'idle time-out');
  }
  await assert.rejects(connection.openStream(), { code: 'CONNECTION_CLOSED' });
});

test('what is under way with a peer that is suspended goes on where it stood, when it goes on in time', async (t) => {
  const { child, connection, streams } = await pair(t);
  child.kill('SIGSTOP');
  const data = Buffer.alloc(100_000, 'alknet');
  const answers = streams.map((stream) => {
    stream.end(data);
    return readAll(stream);
  });
  await setTimeout(idleTimeout / 3);
  child.kill('SIGCONT');
  for (const answer of answers) assert((await answer).equals(data));
  assert.equal((await roundTrip(connection, Buffer.from('alive'))).toString(), 'alive');
});

test('a peer suspended for longer than the idle time-out is lost, and told nothing when it goes on', async (t) => {
  const { child, connection, streams } = await pair(t);
  const ends = Promise.allSettled(streams.map((stream) => readAll(stream)));
  child.kill('SIGSTOP');
  assert.deepEqual(await connection.closed, { code: 0, reason: 'idle time-out', by: 'transport' });
  for (const end of await ends) assert.equal(end.status, 'rejected');
  child.kill('SIGCONT');
});
