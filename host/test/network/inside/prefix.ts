/** To an address of its own machine the system connects from that same address: each dial comes from where it goes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both, client, echo, testNode, until } from '../../endpoint/support.ts';

test('two addresses of one IPv6 /64 share the limit of connections, one of another does not', async (t) => {
  for (const transport of both) {
    const owner = echo('one', 'alknet/one');
    const node = await testNode(t, {
      owners: [owner],
      settings: { connectionsPerAddress: 1 },
      listen: both.map((each) => ({ transport: each, host: '*', port: 0 })),
    });
    const { endpoint } = await client(t);
    const dial = (host: string) =>
      endpoint.dial(
        {
          name: 'node',
          addresses: [{ host, port: node.port(transport) }],
          pins: [node.identities.fingerprint],
        },
        { alpn: 'alknet/one', transport, timeoutMs: 3000 },
      );
    const first = await dial('fd00:1:2:3::1');
    await assert.rejects(dial('fd00:1:2:3:ffff::2'), { code: 'Refused' });
    assert.equal(node.endpoint.status().refused['limits.connectionsPerAddress'], 1);
    await dial('fd00:1:2:4::1');
    // A client knows of its connection a moment before the node does.
    await until(() => node.endpoint.status().connections === 2);
    first.close();
    await until(() => node.endpoint.status().connections === 1);
    await dial('fd00:1:2:3:ffff::2');
    await until(() => owner.connections.length === 3);
    assert.deepEqual(
      owner.connections.map(({ remote }) => remote?.address),
      ['fd00:1:2:3::1', 'fd00:1:2:4::1', 'fd00:1:2:3:ffff::2'],
    );
  }
});
