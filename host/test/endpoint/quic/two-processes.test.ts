import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { clientCertificate, roundTrip, tuning } from './support.ts';

test('no end of a stream is lost over 2000 echo streams with 64 in flight between two processes', async (t) => {
  const child = fork(fileURLToPath(new URL('echo-process.ts', import.meta.url)), {
    execArgv: ['--conditions=alknet:source', '--import', 'tsx'],
  });
  const exited = once(child, 'exit');
  const transport = quicTransport();
  t.after(async () => {
    await transport.close();
    if (child.connected) child.disconnect();
    await exited;
  });
  const [address] = await once(child, 'message');
  const connection = await transport.dial({
    address,
    alpn: 'test/echo',
    serverName: null,
    certificate: clientCertificate,
    verify: () => {},
    timeoutMs: 5000,
    tuning,
  });
  let left = 2000;
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (left-- > 0) {
        const data = randomBytes(1 + (left % 2000));
        assert((await roundTrip(connection, data)).equals(data));
      }
    }),
  );
  connection.close(0, '');
});
