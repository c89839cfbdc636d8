import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Server, Session } from '../../src/call/index.ts';
import { CallError, serveOperations } from '../../src/index.ts';
import { all, echo } from './operations.ts';
import { latch, rawCaller, requested, sessions } from './support.ts';

/** A node that serves nothing itself: what reaches it goes on to the next. */
function forwarding(next: () => Session): Server {
  return {
    timeout: () => undefined,
    serve: (call) => {
      if (call.hops > 8) throw new CallError('INTERNAL', 'forwarded too often');
      const output = next().call(call.name, call.input, { signal: call.signal, hops: call.hops + 1 });
      const settled = output.then(
        () => {},
        () => {},
      );
      return { kind: 'value', output, settled };
    },
  };
}

test('an abort crosses a node that forwards, with an id of its own on each connection', async (t) => {
  const aborted = latch<unknown>();
  const entered = latch<string>();
  const last = serveOperations([
    {
      ...echo,
      handler: (_input, { signal, requestId }) => {
        entered.resolve(requestId);
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        return new Promise(() => {});
      },
    },
  ]);
  const far = sessions(t, { serve: last });
  const near = sessions(t, { serve: forwarding(() => far.client) });
  const controller = new AbortController();
  const call = near.client.call('test/echo', 1, { signal: controller.signal });
  await entered.promise;
  controller.abort();
  await assert.rejects(call, { code: 'ABORTED' });
  const reason = await aborted.promise;
  assert.ok(reason instanceof CallError && reason.code === 'ABORTED');
});

test('a request that is forwarded in a circle ends with forwarded too often', async (t) => {
  let hops = 0;
  const left: Server = forwarding(() => {
    hops++;
    return back.client;
  });
  const forth = sessions(t, { serve: left });
  const back = sessions(t, {
    serve: forwarding(() => {
      hops++;
      return forth.client;
    }),
  });
  await assert.rejects(forth.client.call('test/echo', 1), {
    code: 'INTERNAL',
    message: 'forwarded too often',
  });
  assert.equal(hops, 9);
});

test('hops above 8 are refused after access, and malformed ones count as none', async (t) => {
  const { peer } = rawCaller(t, { serve: serveOperations(all) });
  const stream = await peer.open();
  const counts: [unknown, string][] = [
    [8, 'call.responded'],
    [9, 'call.error'],
    [255, 'call.error'],
    [256, 'call.responded'],
    [-1, 'call.responded'],
    ['9', 'call.responded'],
    [1.5, 'call.responded'],
  ];
  for (const [n, [hops]] of counts.entries()) stream.send(requested(`${n}`, 'test/echo', 1, { hops }));
  await stream.frames(counts.length);
  for (const [n, [, type]] of counts.entries())
    assert.equal(stream.of(`${n}`)[0]?.type, type, `${counts[n]?.[0]}`);
});
