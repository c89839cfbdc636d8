/** What leaves the machine of a client, seen from outside of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Machine, machines, noMachines } from './machines.ts';
import { curl, forwarding, start, startProgram } from './tunnel-support.ts';

const services = fileURLToPath(new URL('inside/proxy-and-page.ts', import.meta.url));
const source = ['--conditions=alknet:source', '--import', import.meta.resolve('tsx'), services];

test('FWD-02 no DNS query for the target leaves the client machine', { skip: noMachines }, async (t) => {
  const { client, server } = machines(t, '127.0.0.1 only-there.test');
  const here = await forwarding(
    t,
    { default: 'deny', rules: [{ action: 'allow', target: '*', private: true }] },
    `${server.address}:0`,
  );
  const peer = await nodeOn(t, here, server);
  const page = await startProgram(t, here, [
    ...server.inside,
    process.execPath,
    ...source,
    server.address,
  ]).port('page');
  const tunnel = start(
    t,
    here,
    ['socks', peer, '--listen', '0', '--transport', 'tls', '--json'],
    client.inside,
  );
  const port = await tunnel.port('dynamic');
  const url = `http://only-there.test:${page}/`;
  const fetched = await curl(['--socks5-hostname', `127.0.0.1:${port}`, url], client.inside);
  assert.equal(fetched.stdout, `for only-there.test:${page}`, fetched.stderr + tunnel.output());
  assert.equal(client.datagrams(), 0);
  // A client that resolves for itself is seen to ask.
  assert.notEqual((await curl(['--socks5', `127.0.0.1:${port}`, url], client.inside)).code, 0);
  assert.ok(client.datagrams() > 0);
});

test('FWD-32 with a dial proxy the client uses no UDP and no direct TCP', { skip: noMachines }, async (t) => {
  const { client, server } = machines(t, '127.0.0.1 only-there.test');
  const here = await forwarding(
    t,
    { default: 'deny', rules: [{ action: 'allow', target: '*', private: true }] },
    `${server.address}:0`,
  );
  const direct = await nodeOn(t, here, server);
  // A name that the proxy alone knows.
  const peer = direct.replace(server.address, 'node.invalid');
  const proxy = startProgram(t, here, [...server.inside, process.execPath, ...source, server.address]);
  const [at, page] = [await proxy.port('proxy'), await proxy.port('page')];
  for (const scheme of ['socks5', 'http']) {
    const through = ['--proxy', `${scheme}://${server.address}:${at}`];
    const tunnel = start(t, here, ['socks', peer, '--listen', '0', ...through, '--json'], client.inside);
    const port = await tunnel.port('dynamic');
    const fetched = await curl(
      ['--socks5-hostname', `127.0.0.1:${port}`, `http://only-there.test:${page}/`],
      client.inside,
    );
    assert.equal(fetched.stdout, `for only-there.test:${page}`, fetched.stderr + tunnel.output());
    assert.deepEqual([...new Set(client.tcpTo())], [`${server.address}:${at}`]);
    tunnel.child.kill('SIGTERM');
    await tunnel.ended;
  }
  await here.ok(['peer', 'set', 'operator', '--scope', 'ssh:exec']);
  const ssh = (...args: string[]) => start(t, here, ['ssh', ...args], client.inside);
  const through = ['--proxy', `socks5://${server.address}:${at}`];
  const program = ssh(...through, '-o', 'BatchMode=yes', peer, 'echo ran for $ALKNET_PEER');
  assert.equal(await program.ended, 0, program.output());
  assert.equal(program.output(), 'ran for operator\n');
  assert.deepEqual([...new Set(client.tcpTo())], [`${server.address}:${at}`]);
  // The ProxyCommand would have to ask for the password.
  const asking = ssh('--proxy', `socks5://ada@${server.address}:${at}`, peer, 'true');
  assert.equal(await asking.ended, 2);
  assert.match(asking.output(), /give --proxy-auth-file FILE/);
  const asked = proxy.events().filter(({ event }) => event === 'connect');
  assert.deepEqual([...new Set(asked.map(({ host }) => host))], ['node.invalid']);
  // The proxy is down and the node could be reached: it is not.
  proxy.child.kill('SIGKILL');
  await proxy.ended;
  const down = start(
    t,
    here,
    ['pipe', direct, 'alknet/call', '--proxy', `socks5://${server.address}:${at}`],
    client.inside,
  );
  assert.equal(await down.ended, 4);
  assert.match(down.output(), /the proxy cannot be reached: ECONNREFUSED/);
  assert.equal(client.datagrams(), 0);
  assert.deepEqual(
    client.tcpTo().filter((far) => !far.endsWith(`:${at}`)),
    [],
  );
});

/** Runs the node on a machine; resolves with how a client names it. */
async function nodeOn(
  t: Parameters<typeof startProgram>[0],
  here: Parameters<typeof startProgram>[1],
  server: Machine,
): Promise<string> {
  const node = start(t, here, ['up', '--json'], server.inside);
  const { id, addresses } = await node.first();
  return `${server.address}:${addresses?.[0]?.port}#${id}`;
}
