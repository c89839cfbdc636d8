/** Commands and a node that is at a limit. `docs/spec/cli.md` 2. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { eventually, made, up } from './support.ts';

test('a command that the node refuses for a limit tries again, and not for ever', async (t) => {
  const here = await made(t);
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      limits: { handshakesPerAddress: 1 },
      plugins: { call: true },
    }),
  );
  const node = await up(here);
  const status = JSON.parse(await here.ok(['status', '--json'])) as {
    listeners: { transport: string; address: string }[];
  };
  const tls = status.listeners.find(({ transport }) => transport === 'tls');
  assert.ok(tls, JSON.stringify(status.listeners));

  // Somebody behind the same address who is slow with his handshake.
  const slow = await silent(t, Number(tls.address.split(':')[1]));
  const listed = here.run(['call', 'services/list']);
  await eventually('it is refused', () => node.output().includes('connection refused'));
  slow.destroy();
  const { code, stderr } = await listed;
  assert.equal(code, 0, stderr);

  await silent(t, Number(tls.address.split(':')[1]));
  const given = await here.run(['call', 'services/list']);
  assert.equal(given.code, 4, given.stderr);
  assert.match(given.stderr, /refuses connections now/);
});

async function silent(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}
