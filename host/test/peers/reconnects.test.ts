import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineOperation, serveOperations, Type } from '@alknet/sdk';
import { boss, labNode, linkOf } from './support.ts';

/** Collects all that can be: how much is left says whether something leaks. */
function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('REG-57 after a thousand reconnects of an imported peer nothing of them is left', async (t) => {
  const [hub, ann] = await Promise.all([labNode(t, 'hub'), labNode(t, 'ann')]);
  await hub.admit(ann);
  await hub.start({ plugins: { boss }, peers: { a: { peer: 'ann', import: true } } });
  const spec = { op_type: 'query', input_schema: {}, output_schema: {}, error_schemas: [] };
  const list = defineOperation({
    name: 'services/list',
    type: 'query',
    access: 'public',
    input: Type.Any(),
    output: Type.Any(),
    handler: () => ({ revision: '1', operations: [{ name: 'far/away', spec }] }),
  });
  const serve = serveOperations([list]);
  const connectAndGo = async () => {
    const session = await hub.session(ann.key, { serve, transport: 'tls' });
    while (linkOf(hub, 'a')?.operations !== 1) await turn();
    session.close();
    await session.closed;
    while (linkOf(hub, 'a')?.state !== 'connecting') await turn();
  };
  for (let n = 0; n < 50; n++) await connectAndGo();
  const before = heapAfterCollection();
  for (let n = 50; n < 1000; n++) await connectAndGo();
  const { connections, streams, calls } = hub.running.status();
  assert.deepEqual([connections, streams, calls.running], [0, 0, 0]);
  const grown = heapAfterCollection() - before;
  assert.ok(grown < 8 * 1024 * 1024, `${Math.round(grown / 1024)} KiB were kept`);
});
