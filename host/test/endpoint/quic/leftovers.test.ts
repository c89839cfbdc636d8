import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LeftoverStreams, Leftovers } from '../../../src/endpoint/quic/leftovers.ts';

/** quiche's view of streams: finished by the peer or not, and whether ours was reset. */
function streams(ids: Iterable<number>) {
  const known = new Map([...ids].map((id) => [id, { finished: false, reset: false }]));
  const of = (id: number) => {
    const stream = known.get(id);
    if (stream === undefined) throw new Error(`InvalidStreamState(${id})`);
    return stream;
  };
  const native: LeftoverStreams = {
    streamRecv: (id) => {
      of(id);
      return null;
    },
    streamCapacity: (id) => (of(id).reset ? 0 : 1),
    streamFinished: (id) => known.get(id)?.finished ?? true,
    streamShutdown: (id) => {
      if (of(id).reset) throw new Error('Done');
      of(id).reset = true;
    },
  };
  return { known, native, of };
}

test('a stream is looked at until quiche has forgotten it, which is something to send', () => {
  const { known, native } = streams([0]);
  const leftovers = new Leftovers();
  leftovers.add(0, 0);
  assert.equal(leftovers.look(native, 1), false);
  assert.equal(leftovers.size, 1);
  known.delete(0);
  assert.equal(leftovers.look(native, 2), true);
  assert.equal(leftovers.size, 0);
});

test('a stream whose end came late is nudged once, not before all of ours must be acknowledged', () => {
  const { native, of } = streams([4]);
  const leftovers = new Leftovers();
  leftovers.add(4, 0);
  assert.equal(leftovers.look(native, 40_000), false, 'the end of the peer is still to come');
  of(4).finished = true;
  assert.equal(leftovers.look(native, 29_999), false);
  assert.equal(of(4).reset, false);
  assert.equal(leftovers.look(native, 30_000), true);
  assert.equal(of(4).reset, true);
  assert.equal(leftovers.look(native, 30_001), false);
});

test('however many there are, a turn looks at a few, and in turn at all', () => {
  const ids = Array.from({ length: 200 }, (_, n) => 4 * n);
  const { known, native } = streams(ids);
  let looks = 0;
  const counted = {
    ...native,
    streamRecv: (id: number, data: Uint8Array) => {
      looks++;
      return native.streamRecv(id, data);
    },
  };
  const leftovers = new Leftovers();
  for (const id of ids) leftovers.add(id, 0);
  leftovers.look(counted, 1);
  assert.equal(looks, 32);
  known.clear();
  for (let turns = 0; turns < 7; turns++) leftovers.look(counted, 1);
  assert.equal(leftovers.size, 0);
});
