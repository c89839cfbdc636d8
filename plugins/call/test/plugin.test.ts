import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineOperation, Type } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';
import { conformance, createTestNode } from '@alknet/sdk/testing';
import call from '../src/plugin.ts';

conformance(call);

const who = defineOperation({
  name: 'who/am-i',
  type: 'query',
  access: 'authenticated',
  input: Type.Object({ n: Type.Optional(Type.Integer()) }, { additionalProperties: false }),
  output: Type.String(),
  handler: (_input, { identity }) => identity?.id ?? 'nobody',
});

const wait = defineOperation({
  name: 'who/wait',
  type: 'query',
  access: 'public',
  input: Type.Any(),
  output: Type.Any(),
  handler: (_input, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })),
});

const ada = { id: 'ada', scopes: [], resources: {} };

for (const singleStream of [false, true]) {
  const kind = singleStream ? 'a single stream' : 'many streams';

  test(`the call plugin serves the gateway of the connection, over ${kind}`, async () => {
    const node = await createTestNode(call, {
      operations: [who, wait],
      tokens: new Map([['grace-token', { ...ada, id: 'grace' }]]),
    });
    const anonymous = createSession(node.connect({ singleStream }));
    const known = createSession(node.connect({ singleStream, identity: ada }));
    assert.equal(await known.call('who/am-i', {}), 'ada');
    assert.equal(await known.call('who/am-i', {}, { authToken: 'grace-token' }), 'grace');
    assert.equal(await known.call('who/am-i', {}), 'ada');
    await assert.rejects(anonymous.call('who/am-i', {}), {
      code: 'FORBIDDEN',
      message: 'authentication required',
    });
    anonymous.close();
    known.close();
    await node.stop();
  });
}

test('at drain an idle connection closes with SHUTDOWN at once, a busy one when its last call is answered', async () => {
  const node = await createTestNode(call, { operations: [who, wait] });
  const idle = createSession(node.connect({ identity: ada }));
  const busy = createSession(node.connect({ identity: ada }));
  await idle.call('who/am-i', {});
  const last = busy.call('who/wait', null, { timeoutMs: 100 });
  await busy.call('who/am-i', {});
  await node.drain();
  assert.equal((await idle.closed).code, 0xa1c0);
  assert.equal(await busy.call('who/am-i', {}), 'ada');
  await assert.rejects(last, { code: 'TIMEOUT' });
  assert.deepEqual(await busy.closed, { code: 0xa1c0, reason: 'shutdown', by: 'peer' });
  await node.stop();
});
