import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveOperations } from '../../src/index.ts';
import { all } from './operations.ts';
import { rawCaller, requested, settle } from './support.ts';

const serve = serveOperations(all);

/** Mulberry32: the same rubbish in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const types = [
  'call.requested',
  'call.responded',
  'call.completed',
  'call.aborted',
  'call.error',
  'call.window',
  'x',
  '',
];
const payloads = [
  '{}',
  'null',
  '[]',
  '1',
  '{"operationId":"/test/echo","input":{"a":[1,2]}}',
  '{"operationId":"/test/echo","timeout_ms":"x"}',
  '{"operationId":"/test/count","input":{"to":3},"window":0}',
  '{"operationId":"/test/count","input":{"to":3},"window":-1}',
  '{"operationId":"/test/wait","timeout_ms":1}',
  '{"operationId":5,"hops":300,"auth_token":5,"forwarded_for":[]}',
  '{"output":1}',
  '{"credit":5}',
  '{"code":"X","message":"m","retryable":true}',
  '{"__proto__":{"x":1}}',
];

/** A well-formed frame of odd content. */
function oddFrame(next: () => number): Buffer {
  const pick = <Item>(from: readonly Item[]): Item => from[Math.floor(next() * from.length)] as Item;
  const text = `{"type":"${pick(types)}","id":"${pick(['a', 'b', 'c', '', 'é'])}","payload":${pick(payloads)}}`;
  const bytes = Buffer.from(text);
  const frame = Buffer.alloc(4 + bytes.length);
  frame.writeUInt32BE(bytes.length);
  bytes.copy(frame, 4);
  return frame;
}

/** Odd frames, then one that is cut off or has bytes changed. */
function rubbish(next: () => number): Buffer {
  const frames = Array.from({ length: 40 }, () => oddFrame(next));
  const last = oddFrame(next);
  const kind = next();
  if (kind < 0.4) frames.push(last.subarray(0, Math.floor(next() * last.length)));
  else if (kind < 0.8) {
    for (let n = 0; n < 3; n++) last[Math.floor(next() * last.length)] = Math.floor(next() * 256);
    frames.push(last);
  } else frames.push(Buffer.from(Array.from({ length: 40 }, () => Math.floor(next() * 256))));
  return Buffer.concat(frames);
}

const frames = 1_000_000;

test('CALL-73 a million random and truncated frames never crash a session, and every good call is answered', async (t) => {
  const next = random(20_260_101);
  const { peer, session } = rawCaller(t, { serve });
  const good = await peer.open();
  let answered = 0;
  for (let sent = 0; sent < frames; ) {
    const streams = await Promise.all(Array.from({ length: 50 }, () => peer.open()));
    for (const { duplex } of streams) {
      duplex.write(rubbish(next));
      duplex.end();
      sent += 41;
    }
    good.send(requested(`good ${answered}`, 'test/echo', answered));
    await good.until(() => good.seen.some(({ id }) => id === `good ${answered}`));
    assert.deepEqual(good.seen.at(-1)?.payload, { output: answered++ });
    good.seen.length = 0;
    await Promise.all(
      streams.map((stream) =>
        stream.until(() => stream.duplex.closed || stream.ended || stream.error !== undefined),
      ),
    );
  }
  await settle();
  assert.ok(answered > 480);
  assert.ok(session.stats.streams <= 2);
});
