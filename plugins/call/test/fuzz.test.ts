import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fuzz, fuzz, settledMemory } from '../../../host/test/fuzz.ts';
import { realNode } from './node.ts';

const MiB = 1024 * 1024;
const types = [
  'call.requested',
  'call.responded',
  'call.completed',
  'call.aborted',
  'call.error',
  'call.window',
];
const payloads = [
  { operationId: '/lab/echo', input: { n: 1 } },
  { operationId: '/lab/count', input: { n: 5 }, window: 2 },
  { operationId: '/lab/wait', input: null, timeout_ms: 50 },
  { operationId: '/lab/throws', input: null },
  { operationId: '/lab/admin', input: {} },
  { operationId: 5, forwarded_for: [], hops: -1 },
  { output: 1 },
  { credit: 65_537 },
  { credit: 1 },
];

function framed(body: Buffer, length = body.length): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(length);
  return Buffer.concat([prefix, body]);
}

function wellFormed({ one, pick }: Fuzz): Buffer {
  const envelope = { type: one(types), id: String(pick(20)), payload: one(payloads) };
  return framed(Buffer.from(JSON.stringify(envelope)));
}

function malformed(random: Fuzz): Buffer {
  const { one, pick, bytes, mutate } = random;
  return one([
    () => mutate(wellFormed(random), wellFormed(random)),
    () => framed(bytes(pick(400))),
    () => framed(Buffer.alloc(0), one([0, 1, 0x7fffffff, 0xffffffff, 17 << 20])),
    () => framed(Buffer.from('['.repeat(1 + pick(5000)))),
    () => framed(Buffer.from(`{"type":"call.requested","id":"${'x'.repeat(pick(600))}","payload":{}}`)),
    () => framed(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d])),
  ])();
}

test('malformed frames on valid sessions of a real node harm no other session and leave nothing behind', async (t) => {
  const random = fuzz(t);
  const { pick } = random;
  const { connect, dial, grant } = await realNode(t);
  const good = await connect('quic', await grant('ada', []));
  let before: Awaited<ReturnType<typeof settledMemory>> | undefined;
  for (let connections = 0; random.goesOn || connections < 12; connections++) {
    const connection = await dial(connections % 4 === 3 ? 'tls' : 'quic');
    for (let streams = 1 + pick(30); streams > 0 && connection.multiplexed; streams--) {
      const stream = await connection.openStream();
      stream.resume();
      for (let frames = pick(6); frames >= 0; frames--)
        stream.write(pick(2) === 0 ? wellFormed(random) : malformed(random));
      const end = pick(4);
      if (end === 0) stream.end();
      else if (end === 1) stream.destroy();
    }
    if (!connection.multiplexed) {
      for await (const stream of connection) {
        stream.resume().end(Buffer.concat([wellFormed(random), malformed(random)]));
        break;
      }
    }
    assert.deepEqual(await good.call('lab/echo', { connections }), { connections });
    connection.close();
    if (connections === 6) before = await settledMemory();
  }
  assert.deepEqual(await good.call('lab/echo', 'after'), 'after');
  assert(before);
  const after = await settledMemory();
  assert(after.held - before.held < 16 * MiB, `${(after.held - before.held) / MiB} MiB more are held`);
});
