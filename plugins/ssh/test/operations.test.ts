import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, hostPair, lab, until } from './support.ts';

const admin = { id: 'boss', scopes: ['ssh:admin'], resources: {} };
const as = (id: string) => ({ identity: { id, scopes: [], resources: {} } });

interface Session {
  readonly id: string;
  readonly peer: string;
  readonly via: string;
  readonly channels: number;
}

async function sessionsOf(call: Promise<unknown>): Promise<Session[]> {
  return ((await call) as { sessions: Session[] }).sessions;
}

test('ssh/hostkey gives the host key to anybody who is known, and to nobody else', async (t) => {
  const { node } = await lab(t);
  const { type, key } = (await node.call('ssh/hostkey', {}, as('alice'))) as { type: string; key: string };
  assert.equal(type, 'ssh-ed25519');
  assert.ok(Buffer.from(key, 'base64').subarray(-32).equals(hostPair.publicKey));
  await assert.rejects(node.call('ssh/hostkey', {}), { code: 'FORBIDDEN' });
});

test('sessions are listed, watched and closed by their owner, and by ssh:admin', async (t) => {
  const { key, peers, port, node } = await lab(t);
  const [alice, bob] = [key('alice'), key('bob')];
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  peers.set('bob', ['ssh:exec'], { fingerprints: [bob.normal] });
  const seen: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    const events = node.subscribe('ssh/sessions/watch', {}, { ...as('alice'), signal: stop.signal });
    for await (const event of events) {
      const { event: name, peer } = event as { event: string; peer: string };
      seen.push(`${name} ${peer}`);
    }
  })().catch(() => {});
  const client = await connected(t, port, alice);
  await connected(t, port, bob);
  client.exec('cat', () => {});
  await until('the channel', async () => {
    const [own] = await sessionsOf(node.call('ssh/sessions/list', {}, as('alice')));
    return own?.channels === 1;
  });
  const own = await sessionsOf(node.call('ssh/sessions/list', {}, as('alice')));
  assert.deepEqual(
    own.map(({ peer, via }) => [peer, via]),
    [['alice', 'tcp']],
  );
  const all = await sessionsOf(node.call('ssh/sessions/list', {}, { identity: admin }));
  assert.deepEqual(all.map(({ peer }) => peer).sort(), ['alice', 'bob']);
  const id = all.find(({ peer }) => peer === 'bob')?.id;
  const refused = { code: 'SESSION_NOT_FOUND' };
  await assert.rejects(node.call('ssh/sessions/close', { id }, as('alice')), refused);
  const closed = new Promise<void>((resolve) => client.on('close', resolve));
  await node.call('ssh/sessions/close', { id: own[0]?.id }, as('alice'));
  await closed;
  await node.call('ssh/sessions/close', { id }, { identity: admin });
  await until('the end of both', async () => {
    return (await sessionsOf(node.call('ssh/sessions/list', {}, { identity: admin }))).length === 0;
  });
  await until('the news', () => seen.includes('close alice'));
  stop.abort();
  await watching;
  assert.deepEqual(seen, ['auth alice', 'close alice']);
});

test('ssh/policy/test says what the policy would decide, to ssh:admin alone', async (t) => {
  const rules = [{ action: 'allow', target: '127.0.0.1:80' }];
  const { peers, node } = await lab(t, { forward: { policy: { rules } } });
  peers.set('alice', ['ssh:forward:local']);
  const ask = (target: string, identity = admin) =>
    node.call('ssh/policy/test', { peer: 'alice', kind: 'connect', target }, { identity });
  assert.deepEqual(await ask('127.0.0.1:80'), { action: 'allow', rule: 0, candidates: 1 });
  assert.deepEqual(await ask('127.0.0.1:81'), { action: 'deny', rule: null, candidates: 0 });
  await assert.rejects(ask('secret-host'), (error: Error) => !error.message.includes('secret-host'));
  await assert.rejects(ask('127.0.0.1:80', { ...admin, scopes: [] }), { code: 'FORBIDDEN' });
  for (const { event, fields } of node.log)
    assert.ok(!JSON.stringify([event, fields]).includes('secret-host'));
});
