import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ask, both, client, echo, testNode } from '../../endpoint/support.ts';

const address = '10.98.0.1';
const change = (how: 'add' | 'delete') => execFileSync('ip', ['address', how, `${address}/32`, 'dev', 'lo']);

test('a listener bound to an address that goes and returns serves again, and so does a QUIC connection', async (t) => {
  const node = await testNode(t, {
    owners: [echo('one', 'alknet/one')],
    listen: both.map((transport) => ({ transport, host: address, port: 0 })),
  });
  const { endpoint } = await client(t);
  const dial = (transport: 'quic' | 'tls') =>
    endpoint.dial(
      {
        name: 'node',
        addresses: [{ host: address, port: node.port(transport) }],
        pins: [node.identities.fingerprint],
      },
      { alpn: 'alknet/one', transport, timeoutMs: 5000 },
    );
  const kept = await dial('quic');
  assert.equal(await ask(kept, 'before'), 'one:before');

  change('delete');
  for (const transport of both) await assert.rejects(dial(transport), { code: 'Connect' });
  const meanwhile = ask(kept, 'meanwhile');
  await setTimeout(300);

  change('add');
  assert.equal(await meanwhile, 'one:meanwhile');
  for (const transport of both) assert.equal(await ask(await dial(transport), 'after'), 'one:after');
  assert.equal(await ask(kept, 'after'), 'one:after');
});
