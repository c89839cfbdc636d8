import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError, defineOperation, serveOperations, Type } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import { until } from '../../../host/test/eventually.ts';
import { type RealNode, realNode } from './node.ts';

const transports = ['quic', 'tls'] as const;

function failure(call: Promise<unknown>): Promise<CallError> {
  return call.then(
    () => assert.fail('expected a failure'),
    (error) => error,
  );
}

async function state(session: Session): Promise<{ ran: number; aborted: number }> {
  return (await session.call('lab/state')) as { ran: number; aborted: number };
}

for (const isolation of ['inline', 'worker'] as const) {
  test(`CFG-30 ${isolation}: calls, large bodies, subscriptions and concurrency over real QUIC and TLS`, async (t) => {
    const { connect } = await realNode(t, isolation);
    for (const transport of transports) {
      const back = defineOperation({
        name: 'mine/echo',
        type: 'query',
        access: 'public',
        input: Type.Any(),
        output: Type.Any(),
        handler: (input) => input,
      });
      const session = await connect(transport, undefined, { serve: serveOperations([back]) });
      assert.deepEqual(await session.call('lab/echo', { deep: [1, 'é'] }), { deep: [1, 'é'] });
      const large = 'x'.repeat(1 << 20);
      assert.equal(await session.call('lab/echo', large), large);
      const values: unknown[] = [];
      for await (const value of session.subscribe('lab/count', { n: 2000 })) values.push(value);
      assert.deepEqual(values, [...Array(2000).keys()]);
      const outputs = await Promise.all(Array.from({ length: 500 }, (_, n) => session.call('lab/echo', n)));
      assert.deepEqual(outputs, [...outputs.keys()]);
      session.close();
      await session.closed;
    }
  });
}

test('CALL-18 a restricted operation without identity is FORBIDDEN, authentication required', async (t) => {
  const { connect } = await realNode(t);
  for (const transport of transports) {
    const session = await connect(transport);
    for (const name of ['lab/known', 'lab/admin']) {
      await assert.rejects(session.call(name, { n: 1 }), {
        code: 'FORBIDDEN',
        message: 'authentication required',
        retryable: false,
      });
    }
  }
});

test('CALL-21 a caller without access gets FORBIDDEN for an invalid input too, and learns nothing of the schema', async (t) => {
  const { connect, grant } = await realNode(t);
  const bob = await grant('bob', []);
  const session = await connect('quic', bob);
  const errors = await Promise.all(
    [{ n: 1 }, { n: 'text' }, null, {}].map((input) =>
      session.call('lab/admin', input).catch((error) => error),
    ),
  );
  for (const error of errors) {
    assert.ok(error instanceof CallError);
    const { code, message, details } = error;
    assert.deepEqual(
      { code, message, details },
      {
        code: 'FORBIDDEN',
        message: 'missing required scope: lab:admin',
        details: undefined,
      },
    );
  }
  // Nor do a malformed timeout_ms or a window tell more.
  await assert.rejects(session.subscribe('lab/admin', { n: 1 }).next(), { code: 'FORBIDDEN' });
  assert.equal((await state(session)).ran, 0);
});

test('CALL-25 a throwing handler leaves the connection usable, and a composed failure does not name the inner operation', async (t) => {
  const { connect, log } = await realNode(t);
  for (const transport of transports) {
    const session = await connect(transport);
    for (const name of ['lab/throws', 'lab/composes']) {
      await assert.rejects(session.call(name), (error) => {
        assert.ok(error instanceof CallError);
        assert.equal(error.code, 'INTERNAL');
        assert.equal(error.message, 'internal error');
        assert.ok(!/hunter2|hidden|inner/.test(JSON.stringify([error.message, error.details])));
        const { ref } = error.details as { ref: string };
        assert.ok(log().some((line) => line['ref'] === ref));
        return true;
      });
    }
    assert.equal(await session.call('lab/echo', 'usable'), 'usable');
  }
});

test('CALL-58 a valid auth_token replaces the identity for that request only', async (t) => {
  const { connect, grant } = await realNode(t);
  const ada = await grant('ada', []);
  const bob = await grant('bob', ['lab:admin']);
  for (const transport of transports) {
    const session = await connect(transport, ada);
    const who = async (authToken?: string) =>
      (
        (await session.call('lab/who', null, authToken === undefined ? {} : { authToken })) as {
          id: string | null;
        }
      ).id;
    const together = await Promise.all([who(), who(bob.token), who(), who(bob.token), who(ada.token)]);
    assert.deepEqual(together, ['ada', 'bob', 'ada', 'bob', 'ada']);
    assert.deepEqual(await session.call('lab/admin', { n: 1 }, { authToken: bob.token }), { n: 1 });
    await assert.rejects(session.call('lab/admin', { n: 1 }), { code: 'FORBIDDEN' });
    const nobody = await connect(transport);
    assert.equal(
      ((await nobody.call('lab/who', null, { authToken: ada.token })) as { id: string }).id,
      'ada',
    );
    assert.equal(((await nobody.call('lab/who')) as { id: null }).id, null);
  }
});

test('CALL-59 an invalid auth_token falls back to the identity of the connection, and counts as a failed credential', async (t) => {
  const { connect, grant, log } = await realNode(t);
  const ada = await grant('ada', []);
  const session = await connect('quic', ada);
  const forged = `alk_${'x'.repeat(43)}`;
  for (let n = 0; n < 25; n++) {
    const { id } = (await session.call('lab/who', null, { authToken: `${forged}${n}` })) as { id: string };
    assert.equal(id, 'ada');
  }
  assert.ok(JSON.stringify(log()).split('identity reject').length > 20);
  assert.ok(!JSON.stringify(log()).includes(forged));
  // More than 20 in 60 s: for 60 s nobody comes in from there, and no token from there is looked at, not even a good one.
  await assert.rejects(connect('tls', ada));
  const { id } = (await session.call('lab/who', null, { authToken: ada.token })) as { id: string };
  assert.equal(id, 'ada');
});

test('CALL-60 forwarded_for changes no decision; a malformed one is dropped and the call goes on', async (t) => {
  const { connect, grant } = await realNode(t);
  const ada = await grant('ada', []);
  await grant('root', ['lab:admin']);
  const session = await connect('tls', ada);
  for (const forwardedFor of [{ id: 'root' }, { id: 'root', displayName: 'x'.repeat(500) }]) {
    assert.deepEqual(await session.call('lab/who', null, { forwardedFor }), { id: 'ada', for: 'root' });
    await assert.rejects(session.call('lab/admin', { n: 1 }, { forwardedFor }), { code: 'FORBIDDEN' });
    assert.deepEqual(await session.call('lab/known', { n: 1 }, { forwardedFor }), { n: 1 });
  }
  for (const forwardedFor of [{ id: '' }, { id: 'x'.repeat(257) }, { id: 5 }]) {
    const malformed = forwardedFor as { id: string };
    assert.deepEqual(await session.call('lab/who', null, { forwardedFor: malformed }), {
      id: 'ada',
      for: null,
    });
  }
});

test('CALL-61 a scope removed from a peer is missing at the next request of its live connection', async (t) => {
  const { connect, grant } = await realNode(t);
  const ada = await grant('ada', ['lab:admin']);
  for (const transport of transports) {
    await grant('ada', ['lab:admin']);
    const session = await connect(transport, ada);
    assert.deepEqual(await session.call('lab/admin', { n: 1 }), { n: 1 });
    await grant('ada', []);
    await assert.rejects(session.call('lab/admin', { n: 1 }), { code: 'FORBIDDEN' });
    await grant('ada', ['lab:admin']);
    assert.deepEqual(await session.call('lab/admin', { n: 2 }), { n: 2 });
  }
});

test('CALL-62 revoking a token aborts the running request that used it within 1 s', async (t) => {
  const { connect, grant, revokeToken } = await realNode(t);
  for (const transport of transports) {
    const ada = await grant('ada', []);
    const session = await connect(transport);
    const before = (await state(session)).aborted;
    const withToken = failure(session.call('lab/wait', null, { authToken: ada.token }));
    const without = failure(session.call('lab/wait', null, { timeoutMs: 5000 }));
    await session.call('lab/echo');
    const from = performance.now();
    await revokeToken('ada');
    const error = await withToken;
    const at = performance.now();
    assert.equal(error.code, 'ABORTED');
    assert.equal(error.message, 'aborted by the other side');
    assert.ok(at - from < 1000, `${at - from} ms`);
    await until(async () => (await state(session)).aborted === before + 1);
    session.close();
    assert.equal((await without).message, 'connection closed');
  }
});

test('at stop the node tells its callers, closes with SHUTDOWN and is gone', async (t) => {
  const real: RealNode = await realNode(t);
  const session = await real.connect('quic');
  const waiting = failure(session.call('lab/wait'));
  await session.call('lab/echo');
  const idle = await real.connect('quic');
  await idle.call('lab/echo');
  const stopped = real.node.stop();
  assert.equal((await idle.closed).code, 0xa1c0);
  assert.equal((await waiting).message, 'aborted by the other side');
  assert.deepEqual(await stopped, []);
});
