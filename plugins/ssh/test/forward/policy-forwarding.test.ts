import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ForwardPolicyConfig } from '../../src/forward/policy.ts';
import { PolicyForwarding, policyOf } from '../../src/forward/policy-forwarding.ts';
import { type ForwardClient, Refused } from '../../src/forwarding.ts';
import { unrestricted } from '../../src/login/login.ts';

const identity = { id: 'laptop', scopes: ['ssh:forward:local', 'ssh:forward:remote'], resources: {} };

const client: ForwardClient = {
  id: 'connection',
  login: {
    user: 'somebody',
    key: 'ed25519:00',
    peer: identity.id,
    restrictions: unrestricted,
    identity: () => identity,
    lapsed: () => undefined,
  },
  remote: { address: '192.0.2.7', port: 50_000 },
  signal: new AbortController().signal,
  openForwarded: async () => undefined,
};

/** The addresses of this machine that were connected to. */
async function visited(t: TestContext): Promise<{ port: number; addresses: string[] }> {
  const addresses: string[] = [];
  const server = createServer((socket: Socket) => {
    addresses.push(socket.localAddress ?? '');
    socket.on('error', () => {});
    socket.end();
  }).listen(0, '0.0.0.0');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, addresses };
}

function forwarding(policy: ForwardPolicyConfig, answers: readonly (readonly string[])[]) {
  let asked = 0;
  const resolve = async () => answers[asked++] ?? [];
  return {
    asked: () => asked,
    forwarding: new PolicyForwarding({ policy: policyOf(policy), egress: undefined }, { resolve }),
  };
}

const allow = (target: string | string[]) => ({ action: 'allow' as const, target });
const deny = (target: string) => ({ action: 'deny' as const, target });

test('FWD-19 a name that leads into a denied range is refused, and the address that is used is the one that was checked', async (t) => {
  const { port, addresses } = await visited(t);
  const target = { kind: 'tcp', host: 'rebinding.example', port } as const;

  const denied = forwarding({ rules: [deny('127.0.0.8/29:*'), allow('127.0.0.0/8:*')] }, [
    ['127.0.0.1', '127.0.0.9'],
  ]);
  await assert.rejects(
    denied.forwarding.connect(target, client),
    (error) => error instanceof Refused && error.code === 1,
  );
  assert.deepEqual(addresses, []);

  // A second answer would lead elsewhere: it is never asked for.
  const checked = forwarding({ rules: [allow('127.0.0.1:*')] }, [['127.0.0.9', '127.0.0.1'], ['127.0.0.9']]);
  const stream = await checked.forwarding.connect(target, client);
  stream.resume();
  await once(stream, 'end');
  stream.destroy();
  assert.deepEqual(addresses, ['127.0.0.1']);
  assert.equal(checked.asked(), 1);
});

test('FWD-22 a name that alknet keeps is neither looked up nor connected to', async () => {
  const { forwarding: made, asked } = forwarding({ default: 'allow' }, [['127.0.0.1']]);
  for (const host of ['alknet-node', 'Alknet-x.example', 'peer.alknet', 'peer.ALKNET.'])
    await assert.rejects(made.connect({ kind: 'tcp', host, port: 22 }, client), Refused);
  assert.equal(asked(), 0);
});

test('a policy is tried without opening anything', async (t) => {
  const { port, addresses } = await visited(t);
  const { forwarding: made } = forwarding(
    { rules: [deny('10.0.0.0/8:*'), allow(['127.0.0.1:*', 'unix:/run/*'])] },
    [['127.0.0.1'], ['10.1.2.3']],
  );
  const verdict = (target: Parameters<typeof made.test>[2]) =>
    made.test(identity, 'connect', target, new AbortController().signal);
  const named = { kind: 'tcp', host: 'name.example', port } as const;
  assert.deepEqual(await verdict(named), { action: 'allow', rule: 1, candidates: 1 });
  assert.deepEqual(await verdict(named), { action: 'deny', rule: 0, candidates: 0 });
  assert.deepEqual(await verdict({ ...named, host: '192.0.2.1' }), {
    action: 'deny',
    rule: null,
    candidates: 0,
  });
  assert.deepEqual(await verdict({ kind: 'unix', path: '/run/a' }), {
    action: 'allow',
    rule: 1,
    candidates: 1,
  });
  assert.deepEqual(addresses, []);
});
